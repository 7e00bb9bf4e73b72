/// A rate: so many units a second, saved up for a second.
///
/// It keeps a moment instead of a number of tokens: the one up to which everything spent is paid
/// for. The bucket is full when that is ``saved`` ago, and empty when it is now. What costs more than
/// a full bucket holds may be spent when it is full, and is paid for afterwards.
/// - Source: "Traffic control and congestion control in B-ISDN", ITU-T I.371, annex A, the generic
///   cell rate algorithm.
package struct TokenBucket: Sendable {
    /// For how long tokens are saved up, in nanoseconds.
    package static let saved: Int64 = 1_000_000_000
    /// What a bucket of rate 0 waits for.
    private static let never = Int64.max / 4

    package let perSecond: Int64
    private var paidUntil = -Self.never

    /// A full bucket.
    package init(perSecond: Int64) {
        self.perSecond = perSecond
    }

    /// How long `cost` units must wait for their turn, in nanoseconds; 0 when they may be spent now.
    package func delay(of cost: Int64, now: Int64) -> Int64 {
        let start = max(self.paidUntil, now - Self.saved)
        return max(0, start + min(self.time(of: cost), self.longestWait) - now)
    }

    /// Spends `cost` units, whether their turn has come or not.
    package mutating func spend(_ cost: Int64, now: Int64) {
        let start = max(self.paidUntil, now - Self.saved)
        self.paidUntil = min(start + self.time(of: cost), Self.never)
    }

    /// Takes back what was spent for something that was not done.
    package mutating func giveBack(_ cost: Int64) {
        self.paidUntil -= self.time(of: cost)
    }

    /// What is dear waits for a full bucket and no longer.
    private var longestWait: Int64 { self.perSecond > 0 ? Self.saved : Self.never }

    /// How long it takes for `cost` units to come in, in nanoseconds.
    private func time(of cost: Int64) -> Int64 {
        guard cost > 0 else { return 0 }
        guard self.perSecond > 0 else { return Self.never }
        let time = (Double(cost) * 1e9 / Double(self.perSecond)).rounded(.up)
        return time < Double(Self.never) ? Int64(time) : Self.never
    }
}
