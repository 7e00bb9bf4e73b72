import Glibc

/// Where the engine gets its time from: nanoseconds of a clock that only goes forward.
package struct Clock: Sendable {
    package let now: @Sendable () -> Int64

    package init(now: @escaping @Sendable () -> Int64) {
        self.now = now
    }

    /// The machine's monotonic clock.
    package static let monotonic = Clock {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// The time of day, which people set and correct: for what an administrator dates.
package struct WallClock: Sendable {
    /// Seconds since 1970.
    package let seconds: @Sendable () -> Int64

    package init(seconds: @escaping @Sendable () -> Int64) {
        self.seconds = seconds
    }

    /// The machine's.
    package static let system = WallClock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }
}
