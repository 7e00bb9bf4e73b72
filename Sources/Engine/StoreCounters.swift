import Synchronization

/// What the committer did so far, for metrics.
package final class StoreCounters: Sendable {
    private let commitCount = Atomic<Int64>(0)
    private let commitNanosecondSum = Atomic<Int64>(0)
    private let operationCount = Atomic<Int64>(0)
    private let failureCount = Atomic<Int64>(0)

    init() {}

    /// Commits that succeeded.
    package var commits: Int64 { self.commitCount.load(ordering: .relaxed) }
    /// Time spent in them, in nanoseconds.
    package var commitNanoseconds: Int64 { self.commitNanosecondSum.load(ordering: .relaxed) }
    /// Operations taken from the queue.
    package var operations: Int64 { self.operationCount.load(ordering: .relaxed) }
    /// Commits that failed.
    package var failures: Int64 { self.failureCount.load(ordering: .relaxed) }

    func committed(nanoseconds: Int64) {
        self.commitCount.add(1, ordering: .relaxed)
        self.commitNanosecondSum.add(nanoseconds, ordering: .relaxed)
    }

    func took(_ count: Int) {
        self.operationCount.add(Int64(count), ordering: .relaxed)
    }

    func failed() {
        self.failureCount.add(1, ordering: .relaxed)
    }
}
