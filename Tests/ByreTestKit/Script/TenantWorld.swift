package import ByreCore

/// One tenant on a ``MemoryBackend``, and what the committer does around it, on one thread.
package struct TenantWorld {
    /// When what was evaluated is committed.
    package enum Grouping: Sendable, CaseIterable {
        /// After each operation.
        case each
        /// When ``flush()`` says so: many operations share a commit.
        case all
    }

    package static let tenantID = TenantID(rawValue: 1)

    package private(set) var backend = MemoryBackend()
    package private(set) var evaluation: Evaluation
    package private(set) var changes: [Change] = []
    package let quota: Quota
    private let grouping: Grouping
    private var batch: Batch
    private var changesSeen = 0
    /// Lets the values of rows that are not of the batch under way fail to load.
    package var loadFault: BackendError?

    package var state: TenantState { self.evaluation.state }

    package init(
        grouping: Grouping = .each,
        quota: Quota = .default
    ) throws(BackendError) {
        let record = TenantRecord(
            id: Self.tenantID,
            clusterID: 11,
            memberID: 12
        )
        var creation = CommitBatch()
        creation.registry = [.create(record, .numbered(1, name: "default"))]
        try self.backend.commit(creation)
        self.grouping = grouping
        self.quota = quota
        self.evaluation = Evaluation(
            of: TenantState(record, nextRow: RowID(rawValue: 1)),
            quota: quota
        )
        self.batch = Batch(firstRow: RowID(rawValue: 1))
    }

    // MARK: Operations

    package mutating func apply(_ operation: Operation) throws(RequestError) -> Outcome {
        defer { self.changes += self.newChanges() }
        do throws(RequestError) {
            let outcome = try self.evaluation.apply(
                operation,
                batch: self.batch,
                loader: self.loader
            )
            try self.flushIfEach()
            return outcome
        } catch {
            // A refusal may have raised an alarm.
            try self.flushIfEach()
            throw error
        }
    }

    private mutating func newChanges() -> [Change] {
        let all = self.evaluation.changes
        defer { self.changesSeen = all.count }
        return Array(all.dropFirst(self.changesSeen))
    }

    package mutating func takeChanges() -> [Change] {
        defer { self.changes = [] }
        return self.changes
    }

    package func range(_ request: RangeRequest) throws(RequestError) -> RangeResult {
        try RangeRead(request, of: self.state, loader: self.loader).result()
    }

    private mutating func flushIfEach() throws(RequestError) {
        guard self.grouping == .each else { return }
        do throws(BackendError) {
            try self.flush()
        } catch {
            throw .backend(error)
        }
    }

    /// Commits what is evaluated.
    package mutating func flush() throws(BackendError) {
        let state = self.state
        self.changes += self.newChanges()
        self.batch.finish(state)
        try self.backend.commit(self.batch.commit)
        self.batch = Batch(firstRow: self.batch.nextRow)
        self.evaluation = Evaluation(of: state, quota: self.quota)
        self.changesSeen = 0
    }

    /// Takes out what compaction made unreachable, from the index and from the backend.
    /// - Returns: how many versions that were.
    package mutating func clean() throws(BackendError) -> Int {
        try self.flush()
        var state = self.state
        var keys: [Bytes] = []
        state.index.forEachCompactable(at: state.compactRevision) { key in
            keys.append(key)
            return true
        }
        let rows = state.removeCompacted(keys)
        self.evaluation = Evaluation(of: state, quota: self.quota)
        self.batch.remove(rows, of: Self.tenantID)
        try self.flush()
        return rows.count
    }

    // MARK: Values

    package func value(of version: Version) -> Bytes {
        if let pending = self.batch.pendingValue(version.row) { return pending }
        let row = self.backend.rows.first { $0.version.row == version.row }
        return row?.value ?? Bytes("(lost)".utf8)
    }

    private var loader: Loader {
        Loader(world: self, fault: self.loadFault)
    }

    /// Loads as the committer does.
    private struct Loader: ValueLoader {
        let world: TenantWorld
        let fault: BackendError?

        func value(of tenant: TenantID, row: RowID) throws(BackendError) -> Bytes {
            if let fault { throw fault }
            if let pending = self.world.batch.pendingValue(row) { return pending }
            var loaded: Bytes = []
            try self.world.backend.makeReader().values(of: tenant, rows: [row]) { loaded = $1 }
            return loaded
        }
    }

    // MARK: Recovery

    /// What a start after now would find.
    package func recovered() throws(BackendError) -> TenantState? {
        var recovered = RecoveredTenants()
        try self.backend.reopened().recover(into: &recovered)
        recovered.finish()
        return recovered.tenants[Self.tenantID]?.state
    }
}

extension TenantState {
    /// Everything in which another state differs from this one, in words.
    package func differences(from other: TenantState) -> [String] {
        var differences: [String] = []
        if self.record != other.record { differences.append("\(self.record) != \(other.record)") }
        if self.usedBytes != other.usedBytes {
            differences.append("used: \(self.usedBytes) != \(other.usedBytes)")
        }
        if self.alarms != other.alarms {
            differences.append("alarms: \(self.alarms) != \(other.alarms)")
        }
        if self.leaseLines != other.leaseLines {
            differences.append("leases: \(self.leaseLines) != \(other.leaseLines)")
        }
        if self.entries != other.entries { differences.append("the indexes differ") }
        return differences
    }

    /// Every version of every key, in order.
    package var entries: [[Bytes: [Version]]] {
        var entries: [[Bytes: [Version]]] = []
        self.index.forEachEntry { entry in
            entries.append([entry.key: entry.versions])
            return true
        }
        return entries
    }

    /// Each lease with its keys: `7 5s a b`.
    package var leaseLines: [String] {
        self.leases.records.sorted { $0.id < $1.id }.map { lease in
            let keys = self.leases[lease.id].map { $0.keys.map(Rendering.text).sorted() } ?? []
            return (["\(lease.id.rawValue) \(lease.ttlSeconds)s"] + keys).joined(separator: " ")
        }
    }
}
