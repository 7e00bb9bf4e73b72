import ByreCore

/// One instance's way to a ``SharedMemoryStore``.
final class SharedMemoryBackend: SharedBackend {
    private let store: SharedMemoryStore
    private let number: Int

    /// How long a lock is waited for.
    private static let lockMilliseconds = 10_000

    init(_ store: SharedMemoryStore, _ number: Int) {
        self.store = store
        self.number = number
    }

    var rowNumbering: RowNumbering { .tenant }

    var shared: (any SharedBackend)? { self }

    /// Runs `body` if the instance reaches the store.
    fileprivate func reach<Result>(
        _ body: (inout SharedContents) -> Result
    ) throws(BackendError) -> Result {
        let number = self.number
        let result: Result? = self.store.contents.withLock { contents in
            contents.cut.contains(number) ? nil : body(&contents)
        }
        guard let result else { throw .unavailable("cut off") }
        return result
    }

    // MARK: Commits

    func begin(_ plan: CommitPlan) throws(BackendError) -> CommitStart {
        var wanted = plan.cursors.map { Optional($0.tenant) }
        if plan.registryVersion != nil { wanted.append(nil) }
        let number = self.number
        _ = try self.reach { _ in }
        let start: CommitStart? = self.store.contents.wait(milliseconds: Self.lockMilliseconds) {
            contents in
            guard wanted.allSatisfy({ contents.locks[$0] == nil }) else { return nil }
            for lock in wanted { contents.locks[lock] = number }
            contents.beginnings += 1
            var start = CommitStart()
            start.hasErased = plan.cursors.contains {
                contents.tenants[$0.tenant]?.isErasing ?? true
            }
            start.news = plan.cursors.compactMap { contents.news(since: $0) }
            if let version = plan.registryVersion {
                start.registry = contents.registry(since: version)
            }
            let now = contents.now
            start.expired = Set(
                plan.expiring.filter { lease in
                    guard contents.isFresh else { return false }
                    return contents.leases[lease.tenant]?[lease.lease].map { $0.deadline <= now }
                        ?? false
                }
            )
            return start
        }
        guard let start else { throw .unavailable("a lock was not had") }
        return start
    }

    private func unlock(_ contents: inout SharedContents) {
        contents.locks = contents.locks.filter { $0.value != self.number }
    }

    func commit(_ batch: CommitBatch) throws(BackendError) {
        let error: BackendError? = self.store.contents.withLock { contents in
            self.commit(batch, to: &contents)
        }
        if let error { throw error }
    }

    func commit(
        _ batch: CommitBatch,
        decidedOn basis: [TenantSequence]
    ) throws(BackendError) -> Bool {
        let number = self.number
        _ = try self.reach { _ in }
        let tenants = batch.tenants.map { Optional($0.id) }
        let isCommitted = self.store.contents.wait(milliseconds: Self.lockMilliseconds) {
            contents -> Result<Bool, BackendError>? in
            guard tenants.allSatisfy({ contents.locks[$0] == nil }) else { return nil }
            let isNewest = basis.allSatisfy { point in
                guard let tenant = contents.tenants[point.tenant] else { return false }
                return !tenant.isErasing && tenant.record.sequence == point.sequence
            }
            guard isNewest else { return .success(false) }
            if contents.commitFaults[number]?.first == .outdated {
                contents.commitFaults[number]?.removeFirst()
                return .success(false)
            }
            guard !batch.isEmpty else { return .success(true) }
            for tenant in tenants { contents.locks[tenant] = number }
            return self.commit(batch, to: &contents).map { .failure($0) } ?? .success(true)
        }
        guard let isCommitted else { throw .unavailable("a lock was not had") }
        return try isCommitted.get()
    }

    private func commit(_ batch: CommitBatch, to contents: inout SharedContents) -> BackendError? {
        defer { self.unlock(&contents) }
        if contents.cut.contains(self.number) { return .unavailable("cut off") }
        var fault: SharedMemoryStore.Fault?
        if contents.commitFaults[self.number]?.isEmpty == false {
            fault = contents.commitFaults[self.number]?.removeFirst()
        }
        if fault == .before { return .unavailable("told to") }
        if let refusal = contents.refusal(of: batch, by: self.number) {
            return .unavailable(refusal)
        }
        contents.commit(batch, by: self.number)
        return fault == .unknown ? .uncertain("told to") : nil
    }

    func abandon() {
        self.store.contents.withLock { self.unlock(&$0) }
    }

    func news(since cursors: [TenantCursor]) throws(BackendError) -> [TenantNews] {
        try self.reach { contents in cursors.compactMap { contents.news(since: $0) } }
    }

    func registry(since version: Int64) throws(BackendError) -> RegistryNews? {
        try self.reach { $0.registry(since: version) }
    }

    func remove(_ rows: [(tenant: TenantID, rows: [RowID])]) throws(BackendError) {
        try self.reach { contents in
            for removal in rows {
                let removed = Set(removal.rows)
                contents.rows[removal.tenant]?.removeAll { removed.contains($0.version.row) }
            }
        }
    }

    // MARK: Parts

    func makeReadIndex() throws(BackendError) -> any ReadIndex { Part(self) }
    func makeListener() throws(BackendError) -> any ChangeListener { Part(self) }
    func makeKeeper() throws(BackendError) -> any StoreKeeper { Part(self) }
    func makeReader() throws(BackendError) -> any BackendReader { Part(self) }

    // MARK: The rest

    func recover(into recovery: inout some Recovery) throws(BackendError) {
        let contents = try self.reach { $0 }
        for id in contents.tenants.keys.sorted() {
            if let tenant = contents.tenants[id] { recovery.tenant(tenant) }
        }
        for (tenant, leases) in contents.leases {
            for (id, lease) in leases {
                recovery.lease(tenant, LeaseRecord(id: id, ttlSeconds: lease.ttlSeconds))
            }
        }
        for (tenant, alarms) in contents.alarms {
            for alarm in alarms { recovery.alarm(tenant, alarm) }
        }
        for (id, rows) in contents.rows {
            let revision = contents.tenants[id]?.record.revision ?? 0
            for row in rows where row.version.modRevision <= revision {
                recovery.row(id, key: row.key, version: row.version)
            }
        }
    }

    func maintain() throws(BackendError) -> Bool { false }
    func defragment() throws(BackendError) {}
    func chooseHome(for tenant: TenantDefinition) throws(HomeRefusal) -> String {
        "home of \(tenant.name)"
    }
    func close() {}

    /// What one thread of the instance uses.
    private final class Part: ReadIndex, ChangeListener, StoreKeeper, BackendReader {
        private let backend: SharedMemoryBackend
        private var heard: [TenantID: Int64] = [:]
        private var heardRegistry: Int64 = -1

        init(_ backend: SharedMemoryBackend) {
            self.backend = backend
        }

        func sequences(of tenants: [TenantID]) throws(BackendError) -> [Int64?] {
            try self.backend.reach { contents in
                tenants.map { contents.tenants[$0]?.record.sequence }
            }
        }

        func remaining(_ leases: [ExpiringLease]) throws(BackendError) -> [Int64?] {
            try self.backend.reach { contents in
                leases.map { lease in
                    contents.leases[lease.tenant]?[lease.lease].map { $0.deadline - contents.now }
                }
            }
        }

        func wait(milliseconds: Int) throws(BackendError) -> HeardChanges {
            let number = self.backend.number
            let changes = self.backend.store.contents.wait(milliseconds: milliseconds) {
                contents -> HeardChanges? in
                if contents.cut.contains(number) { return nil }
                var changes = HeardChanges()
                for (id, tenant) in contents.tenants
                where tenant.record.sequence > self.heard[id] ?? -1 {
                    changes.tenants[id] = tenant.record.sequence
                    self.heard[id] = tenant.record.sequence
                }
                changes.hasRegistry = contents.registryVersion > self.heardRegistry
                self.heardRegistry = contents.registryVersion
                return changes == HeardChanges() ? nil : changes
            }
            return changes ?? HeardChanges()
        }

        func beat(_ me: InstanceRecord, readingFor: Int64?) throws(BackendError) -> Beat {
            try self.backend.reach { $0.beat(me, self.backend.number, readingFor: readingFor) }
        }

        func renew(_ leases: [ExpiringLease]) throws(BackendError) -> [LeaseRenewal] {
            try self.backend.reach { contents in
                leases.map { lease in
                    guard let present = contents.leases[lease.tenant]?[lease.lease] else {
                        return .notFound
                    }
                    guard present.deadline > contents.now || !contents.isFresh else {
                        return .expired
                    }
                    contents.leases[lease.tenant]?[lease.lease]?.deadline =
                        contents.now + present.ttlSeconds * 1_000_000_000
                    return .renewed(ttlSeconds: present.ttlSeconds)
                }
            }
        }

        func leave(_ me: InstanceRecord) throws(BackendError) {
            try self.backend.reach { $0.leave(me, self.backend.number) }
        }

        func values(
            of tenant: TenantID,
            rows: [RowID],
            _ body: (_ index: Int, _ value: Bytes) -> Void
        ) throws(BackendError) {
            let all = try self.backend.reach { $0.rows[tenant] ?? [] }
            for (index, row) in rows.enumerated() {
                guard let found = all.first(where: { $0.version.row == row }) else {
                    throw .unavailable("row \(row.rawValue) is missing")
                }
                body(index, found.value)
            }
        }

        func scan(
            _ tenant: TenantID,
            in span: RowSpan,
            _ body: (_ key: Bytes, _ version: Version, _ value: Bytes) -> Bool
        ) throws(BackendError) {
            for row in try self.backend.reach({ $0.rows[tenant] ?? [] })
            where !span.isEmpty && (span.first...span.last).contains(row.version.row) {
                guard body(row.key, row.version, row.value) else { return }
            }
        }
    }
}
