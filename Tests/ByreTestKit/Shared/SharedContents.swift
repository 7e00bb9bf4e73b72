import ByreCore

/// What a ``SharedMemoryStore`` holds.
struct SharedContents {
    struct Lease {
        var ttlSeconds: Int64
        var deadline: Int64
    }

    /// A change that is no row, with the tenant's sequence after it.
    enum Change {
        case lease(CommitBatch.LeaseChange)
        case alarm(CommitBatch.AlarmChange)
    }

    var tenants: [TenantID: StoredTenant] = [:]
    var rows: [TenantID: [CommitBatch.Row]] = [:]
    var leases: [TenantID: [LeaseID: Lease]] = [:]
    var alarms: [TenantID: Set<Alarm>] = [:]
    var changes: [TenantID: [(sequence: Int64, change: Change)]] = [:]
    /// Changes up to here are not kept any more.
    var forgotten: [TenantID: Int64] = [:]
    var registryVersion: Int64 = 0
    var definedAt: [TenantID: Int64] = [:]
    var nextID = TenantID(rawValue: 1)
    /// The store's clock, in nanoseconds.
    var now: Int64 = 0
    var housekeeper: UInt64?
    var instances: [UInt64: InstanceRecord] = [:]
    /// Who holds which lock; nil names the registry.
    var locks: [TenantID?: Int] = [:]
    /// Rows in one slice of news.
    var sliceRowsMax = 1_000
    /// What went wrong with what the store was given.
    var faults: [String] = []
    /// Revocations of each lease.
    var revocations: [LeaseID: Int] = [:]
    /// How each instance is to fail next.
    var commitFaults: [Int: [SharedMemoryStore.Fault]] = [:]
    var cut: Set<Int> = []

    // MARK: News

    func news(since cursor: TenantCursor) -> TenantNews? {
        guard let tenant = self.tenants[cursor.tenant], !tenant.isErasing else { return nil }
        let record = tenant.record
        guard record.sequence > cursor.sequence else { return nil }
        var news = TenantNews(record: record, changeSequence: record.sequence)
        let all = (self.rows[cursor.tenant] ?? []).filter {
            $0.version.row > cursor.lastRow && $0.version.modRevision <= record.revision
        }
        news.rows = Array(all.prefix(self.sliceRowsMax))
        if let last = news.rows.last {
            news.rows += all.dropFirst(news.rows.count).prefix {
                $0.version.modRevision == last.version.modRevision
            }
        }
        if let last = news.rows.last, news.rows.count < all.count {
            news.isComplete = false
            news.record.revision = last.version.modRevision
            news.record.lastRow = last.version.row
        }
        news.changesAreWhole =
            cursor.changeSequence < self.forgotten[cursor.tenant] ?? 0
            || cursor.changeSequence < 0
        if news.changesAreWhole {
            news.leases = (self.leases[cursor.tenant] ?? [:]).map {
                .grant(cursor.tenant, LeaseRecord(id: $0.key, ttlSeconds: $0.value.ttlSeconds))
            }
            news.alarms = (self.alarms[cursor.tenant] ?? []).map { .raise(cursor.tenant, $0) }
        } else {
            for (sequence, change) in self.changes[cursor.tenant] ?? []
            where sequence > cursor.changeSequence {
                switch change {
                case .lease(let lease): news.leases.append(lease)
                case .alarm(let alarm): news.alarms.append(alarm)
                }
            }
        }
        return news
    }

    func registry(since version: Int64) -> RegistryNews? {
        guard self.registryVersion > version else { return nil }
        var news = RegistryNews(version: self.registryVersion, nextID: self.nextID)
        news.present = Set(self.tenants.keys)
        for id in self.tenants.keys.sorted() {
            guard let tenant = self.tenants[id], self.definedAt[id] ?? 0 > version else { continue }
            news.changed.append(tenant)
        }
        return news
    }

    // MARK: Commits

    mutating func commit(_ batch: CommitBatch, by instance: Int) {
        for change in batch.registry { self.apply(change, by: instance) }
        for record in batch.tenants { self.check(record, batch, by: instance) }
        for row in batch.rows { self.rows[row.tenant, default: []].append(row) }
        for record in batch.tenants { self.tenants[record.id]?.record = record }
        for change in batch.leases { self.apply(change) }
        for change in batch.alarms { self.apply(change) }
    }

    /// Notes what a commit breaks of the promises of a shared store's writers.
    private mutating func check(_ record: TenantRecord, _ batch: CommitBatch, by instance: Int) {
        guard let present = self.tenants[record.id] else {
            return self.faults.append("tenant \(record.id.rawValue) is unknown")
        }
        let isCreated = batch.registry.contains {
            if case .create = $0 { $0.tenant == record.id } else { false }
        }
        if self.locks[record.id] != instance, !isCreated {
            self.faults.append("tenant \(record.id.rawValue) is not locked")
        }
        if record.sequence <= present.record.sequence, !isCreated {
            self.faults.append("sequence \(record.sequence) follows \(present.record.sequence)")
        }
        var row = present.record.nextRow
        var main = present.record.revision
        let isImporting = present.definition.lifecycle == .suspended
        for new in batch.rows where new.tenant == record.id {
            if new.version.row != row { self.faults.append("row \(new.version.row.rawValue)") }
            row = row.next
            if isImporting { continue }
            if new.version.modRevision != main, new.version.modRevision != main + 1 {
                self.faults.append("revision \(new.version.modRevision) follows \(main)")
            }
            main = new.version.modRevision
        }
        if record.nextRow != row { self.faults.append("last row \(record.lastRow.rawValue)") }
        if !isImporting, record.revision != main { self.faults.append("revision without rows") }
    }

    private func sequence(of tenant: TenantID) -> Int64 {
        self.tenants[tenant]?.record.sequence ?? 0
    }

    private mutating func apply(_ change: CommitBatch.LeaseChange) {
        switch change {
        case .grant(let tenant, let lease):
            self.changes[tenant, default: []].append((self.sequence(of: tenant), .lease(change)))
            self.leases[tenant, default: [:]][lease.id] = Lease(
                ttlSeconds: lease.ttlSeconds,
                deadline: self.now + lease.ttlSeconds * 1_000_000_000
            )
        case .revoke(let tenant, let id):
            self.changes[tenant, default: []].append((self.sequence(of: tenant), .lease(change)))
            self.leases[tenant]?[id] = nil
            self.revocations[id, default: 0] += 1
        }
    }

    private mutating func apply(_ change: CommitBatch.AlarmChange) {
        switch change {
        case .raise(let tenant, let alarm):
            self.changes[tenant, default: []].append((self.sequence(of: tenant), .alarm(change)))
            self.alarms[tenant, default: []].insert(alarm)
        case .clear(let tenant, let alarm):
            self.changes[tenant, default: []].append((self.sequence(of: tenant), .alarm(change)))
            self.alarms[tenant]?.remove(alarm)
        }
    }

    private mutating func apply(_ change: RegistryChange, by instance: Int) {
        if self.locks[nil] != instance { self.faults.append("the registry is not locked") }
        self.registryVersion += 1
        let id = change.tenant
        switch change {
        case .create(let record, let definition):
            if self.tenants[id] != nil { self.faults.append("tenant \(id.rawValue) comes twice") }
            self.tenants[id] = StoredTenant(record, definition)
            self.nextID = max(self.nextID, TenantID(rawValue: id.rawValue + 1))
        case .define(_, let definition): self.tenants[id]?.definition = definition
        case .beginErasing: self.tenants[id]?.isErasing = true
        case .eraseRows(_, let rows):
            self.rows[id]?.removeAll { rows.contains($0.version.row) }
        case .eraseLeases: self.leases[id] = nil
        case .erase:
            self.tenants[id] = nil
            self.rows[id] = nil
            self.leases[id] = nil
            self.alarms[id] = nil
            self.changes[id] = nil
        }
        self.definedAt[id] = self.registryVersion
    }
}
