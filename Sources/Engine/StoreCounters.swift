package import Instrumentation
import Synchronization

/// What the committer did so far, for metrics.
package final class StoreCounters: Sendable {
    private let commits = Histogram(.durations)
    private let queue = Histogram(.durations)
    private let sizes = Histogram(.sizes)
    private let failureCount = Atomic<Int>(0)

    init() {}

    /// Nanoseconds of each commit that succeeded.
    package var commitDurations: Histogram.Counts { self.commits.counts }
    /// Nanoseconds that each operation waited for its turn.
    package var queueDurations: Histogram.Counts { self.queue.counts }
    /// Operations of each batch, of those too that changed nothing.
    package var batchSizes: Histogram.Counts { self.sizes.counts }
    /// Commits that failed.
    package var failures: Int { self.failureCount.load(ordering: .relaxed) }

    func committed(nanoseconds: Int64) {
        self.commits.record(Int(nanoseconds))
    }

    /// An operation had its turn.
    func began(afterNanoseconds nanoseconds: Int64) {
        self.queue.record(Int(nanoseconds))
    }

    /// A batch was made of `count` operations.
    func took(_ count: Int) {
        self.sizes.record(count)
    }

    func failed() {
        self.failureCount.add(1, ordering: .relaxed)
    }
}
