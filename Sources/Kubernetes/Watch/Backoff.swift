/// How long to wait after failures: twice as long each time, up to a bound, with some chance in it so
/// that many clients do not come back at once.
package struct Backoff {
    private let first: Duration
    private let bound: Duration
    private var failures = 0

    /// - Parameters:
    ///   - first: after the first failure, at most.
    ///   - bound: the longest.
    package init(first: Duration = .milliseconds(500), bound: Duration = .seconds(30)) {
        self.first = first
        self.bound = bound
    }

    /// How long to wait after one more failure: between half of what is due and all of it.
    package mutating func next(using dice: inout some RandomNumberGenerator) -> Duration {
        var due = self.first
        for _ in 0..<self.failures where due < self.bound { due *= 2 }
        self.failures += 1
        return min(due, self.bound) * Double.random(in: 0.5...1, using: &dice)
    }

    /// Something went well.
    package mutating func reset() {
        self.failures = 0
    }
}
