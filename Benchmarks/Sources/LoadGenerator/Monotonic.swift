import Glibc

/// The clock of all measurements: nanoseconds that never go back.
package enum Monotonic {
    package static let second: UInt64 = 1_000_000_000

    package static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * Self.second + UInt64(time.tv_nsec)
    }

    /// Nanoseconds of `seconds`.
    package static func nanoseconds(_ seconds: Double) -> UInt64 {
        UInt64(max(0, seconds) * Double(Self.second))
    }

    /// Blocks the calling thread until `deadline`.
    package static func wait(until deadline: UInt64) {
        var time = timespec(
            tv_sec: Int(deadline / Self.second),
            tv_nsec: Int(deadline % Self.second)
        )
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }
}
