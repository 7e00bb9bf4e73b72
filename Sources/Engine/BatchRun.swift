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

    struct Evaluated {
        let tenant: TenantStore
        let reply: (any Reply)?
        let waitsForPhysical: Bool
        let result: Result<Outcome, RequestError>

        fileprivate init(_ submission: Submission, _ result: Result<Outcome, RequestError>) {
            self.tenant = submission.tenant
            self.reply = submission.reply
            self.waitsForPhysical = submission.waitsForPhysical
            self.result = result
        }
    }

    let batch: Batch
    /// The tenant that the batch is about, where it may be about no other.
    let home: TenantID?
    private(set) var work: [Work] = []
    private(set) var results: [Evaluated] = []
    private(set) var hasRemovals = false
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
        self.results.reserveCapacity(count)
    }

    /// What the operations were decided on.
    var basis: [TenantSequence] {
        self.work.map { TenantSequence(tenant: $0.tenant.id, sequence: $0.sequence) }
    }

    /// Whether another operation may join.
    var hasRoom: Bool {
        self.results.count < self.configuration.batchOperationsMax
            && self.batch.bytes < self.configuration.batchBytesMax
    }

    func evaluate(_ submission: Submission, now: Int64, loader: CommitterLoader) {
        guard submission.deadline >= now else {
            self.results.append(Evaluated(submission, .failure(.timedOut)))
            return
        }
        // What came before a tenant was suspended or deleted and is begun after it is not done.
        let isServed = submission.reply == nil || submission.tenant.lifecycle == .active
        guard isServed, !submission.tenant.isErased else {
            self.results.append(Evaluated(submission, .failure(.stopped)))
            return
        }
        let place = self.place(of: submission.tenant)
        do throws(RequestError) {
            let outcome = try self.work[place].evaluation.apply(
                submission.operation,
                batch: self.batch,
                loader: loader
            )
            self.results.append(Evaluated(submission, .success(outcome)))
        } catch {
            self.results.append(Evaluated(submission, .failure(error)))
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

    private func place(of tenant: TenantStore) -> Int {
        // A batch has few tenants beside its operations.
        if let place = self.work.firstIndex(where: { $0.tenant === tenant }) { return place }
        let state = tenant.snapshot.state
        self.work.append(
            Work(
                tenant: tenant,
                evaluation: Evaluation(of: state, quota: tenant.quota),
                sequence: state.sequence,
                compactRevision: state.compactRevision
            )
        )
        return self.work.count - 1
    }
}
