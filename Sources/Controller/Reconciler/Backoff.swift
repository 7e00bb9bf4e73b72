/// How long to wait after failures in a row: twice as long each time, up to a bound, with some chance
/// in it so that those who failed together do not come back together.
package struct Backoff: Hashable, Sendable {
    /// After the first failure, at most.
    package var first: Duration
    /// The longest.
    package var bound: Duration

    package init(first: Duration, bound: Duration) {
        self.first = first
        self.bound = bound
    }

    /// How long to wait after a number of failures in a row: between half of what is due and all of
    /// it.
    /// - Parameter random: from 0 up to 1.
    package func pause(afterFailures failures: Int, random: Double) -> Duration {
        var due = self.first
        var left = failures
        while left > 1, due < self.bound {
            due *= 2
            left -= 1
        }
        return min(due, self.bound) * (0.5 + random / 2)
    }
}
