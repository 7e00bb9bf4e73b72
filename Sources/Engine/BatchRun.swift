import ByreCore

/// One batch in the making: submissions evaluated against the tenants' committed states.
final class BatchRun {
    /// One tenant's part.
    struct Work {
        let tenant: TenantStore
        var evaluation: Evaluation
        fileprivate let sequence: Int64
        fileprivate let compactRevision: Int64

        var isChanged: Bool { self.evaluation.state.sequence != self.sequence }
        var isCompacted: Bool { self.evaluation.state.compactRevision != self.compactRevision }
    }

    let batch: Batch
    /// The tenant that the batch is about, where it may be about no other.
    let home: TenantID?
    private(set) var work: [Work] = []
    /// What was evaluated, each with what came of it.
    private(set) var submissions: [Submission] = []
    private(set) var hasRemovals = false
    /// Where the tenant's part is that was looked for last.
    private var lastPlace = 0
    private let configuration: Configuration

    /// - Parameter operationCount: how many operations wait, of which as many as there is room for
    ///   will be evaluated.
    init(
        firstRow: RowID,
        numbering: RowNumbering,
        home: TenantID? = nil,
        configuration: Configuration,
        operationCount: Int = 0
    ) {
        self.home = home
        let count = min(operationCount, configuration.batchOperationsMax)
        self.batch = Batch(firstRow: firstRow, numbering: numbering, rowCount: count)
        self.configuration = configuration
        self.submissions.reserveCapacity(count)
    }

    /// What the operations were decided on.
    var basis: [TenantSequence] {
        self.work.map { TenantSequence(tenant: $0.tenant.id, sequence: $0.sequence) }
    }

    /// Whether another operation may join.
    var hasRoom: Bool {
        self.submissions.count < self.configuration.batchOperationsMax
            && self.batch.bytes < self.configuration.batchBytesMax
    }

    func evaluate(_ submission: Submission, now: Int64, loader: CommitterLoader) {
        submission.result = self.result(of: submission, now: now, loader: loader)
        self.submissions.append(submission)
    }

    private func result(
        of submission: Submission,
        now: Int64,
        loader: CommitterLoader
    ) -> Result<Outcome, RequestError> {
        guard submission.deadline >= now else { return .failure(.timedOut) }
        // What came before a tenant was suspended or deleted and is begun after it is not done.
        let isServed = submission.reply == nil || submission.tenant.lifecycle == .active
        guard isServed, !submission.tenant.isErased else { return .failure(.stopped) }
        let place = self.place(of: submission.tenant)
        do throws(RequestError) {
            return .success(
                try self.work[place].evaluation.apply(
                    submission.operation,
                    batch: self.batch,
                    loader: loader
                )
            )
        } catch {
            return .failure(error)
        }
    }

    /// Adds rows of compacted versions to delete.
    func remove(_ rows: [RowID], of tenant: TenantStore) {
        _ = self.place(of: tenant)
        self.batch.remove(rows, of: tenant.id)
        self.hasRemovals = true
    }

    /// Takes back what ``remove(_:of:)`` added.
    func dropRemovals() {
        self.batch.dropRemovals()
        self.hasRemovals = false
    }

    /// Adds the tenants' new control state: nothing is evaluated after this.
    func finish() {
        for work in self.work where work.isChanged || self.hasRemovals {
            self.batch.finish(work.evaluation.state)
        }
    }

    /// Where a tenant's part is in `work`.
    /// - Complexity: O(1) where a tenant's operations follow one another, or the tenants do in the same
    ///   order over and over, as they come from the queue; else O(tenants).
    private func place(of tenant: TenantStore) -> Int {
        let count = self.work.count
        for offset in 0..<count {
            let place = (self.lastPlace + offset) % count
            if self.work[place].tenant === tenant {
                self.lastPlace = place
                return place
            }
        }
        self.lastPlace = count
        let state = tenant.snapshot.state
        self.work.append(
            Work(
                tenant: tenant,
                evaluation: Evaluation(of: state, quota: tenant.quota),
                sequence: state.sequence,
                compactRevision: state.compactRevision
            )
        )
        return count
    }
}
