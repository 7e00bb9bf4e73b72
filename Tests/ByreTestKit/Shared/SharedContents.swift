import ByreCore

/// What a ``SharedMemoryStore`` holds.
struct SharedContents {
    struct Lease {
        var ttlSeconds: Int64
        var deadline: Int64
    }

    struct Instance {
        var record: InstanceRecord
        var number: Int
        var beatAt: Int64
        /// By the clock that engines read, as they say for how long it has been.
        var readingSince: ContinuousClock.Instant?
    }

    /// A change that is no row, with the tenant's sequence after it.
    enum Change {
        case lease(CommitBatch.LeaseChange)
        case alarm(CommitBatch.AlarmChange)
    }

    var tenants: [TenantID: StoredTenant] = [:]
    var rows: [TenantID: [CommitBatch.Row]] = [:]
    /// All rows that were ever committed, in order.
    var history: [TenantID: [CommitBatch.Row]] = [:]
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
    /// Who keeps the house, and until when without saying so again.
    var housekeeper: (id: UInt64, until: Int64)?
    var heartbeat: Int64 = 0
    /// Instances by id: which backend each is, and when it said last that it lives.
    var instances: [UInt64: Instance] = [:]
    var beats = 0
    /// Whether the housekeeper is told of all leases as if their time was over.
    var isSuspicious = false
    /// Which backend imports into which tenants.
    var importers: [TenantID: Int] = [:]
    /// Commits that began with locks.
    var beginnings = 0
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

    // MARK: Instances

    static let instanceNanoseconds: Int64 = 10_000_000_000
    static let housekeeperNanoseconds: Int64 = 3_000_000_000
    static let gapNanoseconds: Int64 = 4_000_000_000

    var isFresh: Bool { self.now - self.heartbeat <= Self.gapNanoseconds }

    func lives(_ number: Int) -> Bool {
        self.instances.values.contains {
            $0.number == number && self.now - $0.beatAt < Self.instanceNanoseconds
        }
    }

    mutating func beat(_ me: InstanceRecord, _ number: Int, readingFor: Int64?) -> Beat {
        self.beats += 1
        self.instances[me.id] = Instance(
            record: me,
            number: number,
            beatAt: self.now,
            readingSince: readingFor.map { .now - .nanoseconds($0) }
        )
        if self.housekeeper.map({ $0.id == me.id || $0.until < self.now }) ?? true {
            self.housekeeper = (me.id, self.now + Self.housekeeperNanoseconds)
        }
        var beat = Beat()
        beat.isHousekeeper = self.housekeeper?.id == me.id
        beat.readingFor = self.instances.values.compactMap {
            self.lives($0.number) ? $0.readingSince : nil
        }.min().map { Int64((.now - $0) / .nanoseconds(1)) }
        beat.instances = self.instances.keys.sorted().compactMap { id in
            self.instances[id].flatMap { self.lives($0.number) ? $0.record : nil }
        }
        guard beat.isHousekeeper else { return beat }
        if !self.isFresh { self.extendLeases(by: self.now - self.heartbeat) }
        self.heartbeat = self.now
        for (tenant, leases) in self.leases {
            guard self.tenants[tenant]?.definition.lifecycle == .active else { continue }
            for (id, lease) in leases where lease.deadline <= self.now || self.isSuspicious {
                beat.overdue.append(ExpiringLease(tenant: tenant, lease: id))
            }
        }
        return beat
    }

    private mutating func extendLeases(by gap: Int64) {
        for (tenant, leases) in self.leases {
            self.leases[tenant] = leases.mapValues {
                Lease(ttlSeconds: $0.ttlSeconds, deadline: $0.deadline + gap)
            }
        }
    }

    mutating func leave(_ me: InstanceRecord, _ number: Int) {
        guard self.instances[me.id]?.number == number else { return }
        self.instances[me.id] = nil
        if self.housekeeper?.id == me.id { self.housekeeper = nil }
    }

    /// Lets time pass in which every instance that reaches the store says that it lives.
    mutating func advance(by nanoseconds: Int64) {
        self.now += nanoseconds
        for (id, instance) in self.instances where !self.cut.contains(instance.number) {
            self.instances[id]?.beatAt += nanoseconds
            guard self.housekeeper?.id == id else { continue }
            self.housekeeper?.until += nanoseconds
            self.heartbeat += nanoseconds
        }
    }

    // MARK: Imports

    /// Why a commit may not be, or nil.
    func refusal(of batch: CommitBatch, by instance: Int) -> String? {
        var concerned = Set(batch.tenants.filter { self.isImport(batch, into: $0) }.map(\.id))
        for change in batch.registry {
            switch change {
            case .define(let id, let definition) where definition.lifecycle == .active:
                concerned.insert(id)
            case .eraseRows(let id, _) where self.tenants[id]?.isErasing == false:
                concerned.insert(id)
            default: break
            }
        }
        for tenant in concerned {
            if let importer = self.importers[tenant], importer != instance, self.lives(importer) {
                return "another instance imports"
            }
        }
        return nil
    }

    private func isImport(_ batch: CommitBatch, into record: TenantRecord) -> Bool {
        batch.rows.contains {
            $0.tenant == record.id && $0.version.modRevision > record.revision
        }
    }

    private mutating func removeRowsAbove(_ tenant: TenantID) {
        let revision = self.tenants[tenant]?.record.revision ?? 0
        self.rows[tenant]?.removeAll { $0.version.modRevision > revision }
    }

    private mutating func noteImports(_ batch: CommitBatch, by instance: Int) {
        for record in batch.tenants where self.isImport(batch, into: record) {
            if self.importers[record.id] != instance { self.removeRowsAbove(record.id) }
            self.importers[record.id] = instance
        }
    }

    // MARK: Commits

    mutating func commit(_ batch: CommitBatch, by instance: Int) {
        let importing = Set(
            batch.tenants.map(\.id).filter {
                self.tenants[$0]?.definition.lifecycle == .suspended
            }
        )
        for change in batch.registry { self.apply(change, by: instance) }
        self.noteImports(batch, by: instance)
        for record in batch.tenants {
            let isImporting = importing.contains(record.id)
            self.check(record, batch, isImporting: isImporting, by: instance)
        }
        let points = Dictionary(uniqueKeysWithValues: batch.tenants.map { ($0.id, $0.revision) })
        for row in batch.rows {
            self.rows[row.tenant, default: []].append(row)
            guard row.version.modRevision <= points[row.tenant] ?? 0 else { continue }
            self.history[row.tenant, default: []].append(row)
        }
        for record in batch.tenants { self.tenants[record.id]?.record = record }
        for change in batch.leases { self.apply(change) }
        for change in batch.alarms { self.apply(change) }
    }

    /// Notes what a commit breaks of the promises of a shared store's writers.
    private mutating func check(
        _ record: TenantRecord,
        _ batch: CommitBatch,
        isImporting: Bool,
        by instance: Int
    ) {
        guard let present = self.tenants[record.id] else {
            return self.faults.append("tenant \(record.id.rawValue) is unknown")
        }
        if present.isErasing { self.faults.append("tenant \(record.id.rawValue) is being erased") }
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
        case .define(_, let definition):
            if definition.lifecycle == .active, let importer = self.importers[id] {
                if importer != instance { self.removeRowsAbove(id) }
                self.importers[id] = nil
            }
            self.tenants[id]?.definition = definition
        case .beginErasing: self.tenants[id]?.isErasing = true
        case .eraseRows(_, let rows):
            let revision =
                self.tenants[id]?.isErasing == true ? -1 : self.tenants[id]?.record.revision ?? 0
            self.rows[id]?.removeAll {
                rows.contains($0.version.row) && $0.version.modRevision > revision
            }
            if self.importers.removeValue(forKey: id) != nil {
                // Who goes on with it finds the tenant changed.
                self.tenants[id]?.record.sequence += 1
            }
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
