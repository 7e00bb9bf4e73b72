/// When requests are to be sent.
///
/// A request's latency counts from its time here. One that had to wait because the server kept all
/// lanes busy has its wait counted, so that a stall is seen by all who would have met it.
package struct Schedule: Sendable {
    /// How the times of an open loop lie.
    package enum Arrivals: String, Sendable {
        case constant
        case poisson
    }

    private enum Kind {
        /// A request as soon as there is room for it.
        case closed
        case open(interval: Double, Arrivals)
    }

    private let kind: Kind
    private let start: UInt64
    /// Nanoseconds after `start` of the next request.
    private var offset: Double
    private var dice: Dice

    /// A request whenever one before it has ended.
    package static func closedLoop(start: UInt64) -> Schedule {
        Schedule(kind: .closed, start: start, offset: 0, dice: Dice(seed: 0))
    }

    /// So many requests a second, whether or not those before have ended.
    /// - Parameter phase: which part of an interval passes before the first, to keep workers apart.
    package static func openLoop(
        perSecond: Double,
        _ arrivals: Arrivals,
        start: UInt64,
        phase: Double,
        seed: UInt64
    ) -> Schedule {
        precondition(perSecond > 0, "a rate is positive")
        let interval = Double(Monotonic.second) / perSecond
        return Schedule(
            kind: .open(interval: interval, arrivals),
            start: start,
            offset: interval * phase,
            dice: Dice(seed: seed)
        )
    }

    /// The time of the next request; `now` when there is none to keep.
    package func next(_ now: UInt64) -> UInt64 {
        switch self.kind {
        case .closed: max(now, self.start)
        case .open: self.start + UInt64(self.offset)
        }
    }

    /// Goes on to the request after the next.
    package mutating func advance() {
        guard case .open(let interval, let arrivals) = self.kind else { return }
        switch arrivals {
        case .constant: self.offset += interval
        case .poisson: self.offset += interval * self.dice.exponential()
        }
    }
}
