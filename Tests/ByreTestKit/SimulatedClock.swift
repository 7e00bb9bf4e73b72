import Synchronization

/// A clock that stands still until it is told to go on.
///
/// It begins far in the future of the machine's clock, so that a thread which waits until some time
/// of this clock sleeps until it is woken by something else.
package final class SimulatedClock: Sendable {
    /// Some 36 years, in nanoseconds.
    package static let start: Int64 = 1 << 60

    private let time = Mutex(start)

    package init() {}

    /// The time, in nanoseconds.
    package var now: Int64 { self.time.withLock { $0 } }

    /// The time of day, which goes on with it: seconds since 1970, of some day in 2023 at the start.
    package var wallSeconds: Int64 { 1_700_000_000 + (self.now - Self.start) / 1_000_000_000 }

    package func advance(bySeconds seconds: Int64) {
        self.advance(byNanoseconds: seconds * 1_000_000_000)
    }

    package func advance(byNanoseconds nanoseconds: Int64) {
        precondition(nanoseconds >= 0, "time only goes forward")
        self.time.withLock { $0 += nanoseconds }
    }
}
