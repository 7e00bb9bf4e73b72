import ByreCore
import ByreTestKit

/// What a recovery read, for comparing.
struct Recovered: Recovery, Hashable {
    struct Row: Hashable {
        var tenant: TenantID
        var key: Bytes
        var version: Version
    }

    struct Lease: Hashable {
        var tenant: TenantID
        var lease: LeaseRecord
    }

    struct RaisedAlarm: Hashable {
        var tenant: TenantID
        var alarm: Alarm
    }

    var tenants: [StoredTenant] = []
    var alarms: Set<RaisedAlarm> = []
    var leases: [Lease] = []
    var rows: [Row] = []

    mutating func tenant(_ tenant: StoredTenant) { self.tenants.append(tenant) }

    mutating func alarm(_ tenant: TenantID, _ alarm: Alarm) {
        self.alarms.insert(RaisedAlarm(tenant: tenant, alarm: alarm))
    }

    mutating func lease(_ tenant: TenantID, _ lease: LeaseRecord) {
        self.leases.append(Lease(tenant: tenant, lease: lease))
    }

    mutating func row(_ tenant: TenantID, key: Bytes, version: Version) {
        self.rows.append(Row(tenant: tenant, key: key, version: version))
    }
}

extension Backend {
    func recovered() throws -> Recovered {
        var recovered = Recovered()
        try self.recover(into: &recovered)
        return recovered
    }

    /// The values of `rows` as a new reader sees them.
    func values(of tenant: TenantID, rows: [RowID]) throws -> [Bytes] {
        var values: [Bytes] = []
        try self.makeReader().values(of: tenant, rows: rows) { index, value in
            assert(index == values.count, "values come in the order of their rows")
            values.append(value)
        }
        return values
    }
}

/// Makes batches that are consistent with one another, and knows what a store of them must hold.
struct History {
    private(set) var expected = Recovered()
    private(set) var values: [RowID: Bytes] = [:]
    private(set) var batch = CommitBatch()
    private var lastRow: Int64 = 0

    init() {}

    /// Goes on where a store is.
    init(_ recovered: Recovered) {
        self.expected = recovered
        self.lastRow = recovered.rows.last?.version.row.rawValue ?? 0
    }

    /// Ends a batch.
    mutating func take() -> CommitBatch {
        defer { self.batch = CommitBatch() }
        return self.batch
    }

    mutating func create(_ id: Int64, _ name: String) {
        let record = TenantRecord(
            id: TenantID(rawValue: id),
            clusterID: UInt64.max - UInt64(id),
            memberID: UInt64(id) + 1
        )
        let definition = TenantDefinition.numbered(Int(id), name: name)
        self.expected.tenants.append(StoredTenant(record, definition))
        self.batch.registry.append(.create(record, definition))
    }

    private func place(of id: Int64) -> Int {
        let place = self.expected.tenants.firstIndex { $0.record.id.rawValue == id }
        guard let place else { preconditionFailure("tenant \(id) has not been created") }
        return place
    }

    /// Defines a tenant anew.
    mutating func define(_ id: Int64, _ body: (inout TenantDefinition) -> Void) {
        let place = self.place(of: id)
        body(&self.expected.tenants[place].definition)
        self.expected.tenants[place].definition.generation += 1
        let tenant = self.expected.tenants[place]
        self.batch.registry.append(.define(tenant.record.id, tenant.definition))
    }

    mutating func beginErasing(_ id: Int64) {
        let place = self.place(of: id)
        self.expected.tenants[place].isErasing = true
        self.expected.tenants[place].definition.identities = []
        self.batch.registry.append(.beginErasing(TenantID(rawValue: id)))
    }

    mutating func eraseRows(_ id: Int64, _ rows: ClosedRange<Int64>) {
        let tenant = TenantID(rawValue: id)
        self.expected.rows.removeAll {
            $0.tenant == tenant && rows.contains($0.version.row.rawValue)
        }
        self.batch.registry.append(
            .eraseRows(
                tenant,
                RowID(rawValue: rows.lowerBound)...RowID(rawValue: rows.upperBound)
            )
        )
    }

    /// Deletes leases of a tenant, the least ids first.
    mutating func eraseLeases(_ id: Int64, countMax: Int) {
        let tenant = TenantID(rawValue: id)
        let erased = self.expected.leases.filter { $0.tenant == tenant }.prefix(countMax)
        self.expected.leases.removeAll(where: erased.contains)
        self.batch.registry.append(.eraseLeases(tenant, countMax: countMax))
    }

    mutating func erase(_ id: Int64) {
        let tenant = TenantID(rawValue: id)
        self.expected.tenants.remove(at: self.place(of: id))
        self.expected.leases.removeAll { $0.tenant == tenant }
        self.expected.alarms = self.expected.alarms.filter { $0.tenant != tenant }
        self.batch.registry.append(.erase(tenant))
    }

    /// Changes a tenant's control state, in the batch too.
    mutating func change(_ id: Int64, _ body: (inout TenantRecord) -> Void) {
        let place = self.place(of: id)
        body(&self.expected.tenants[place].record)
        self.expected.tenants[place].record.sequence += 1
        self.batch.tenants.removeAll { $0.id.rawValue == id }
        self.batch.tenants.append(self.expected.tenants[place].record)
    }

    /// Puts `keys` in one transaction of the tenant; a nil value deletes.
    mutating func write(_ id: Int64, _ keys: [(key: String, value: Bytes?)], lease: Int64 = 0) {
        let tenant = TenantID(rawValue: id)
        var revision = Revision(main: 0, sub: 0)
        self.change(id) { record in
            record.revision += 1
            revision.main = record.revision
        }
        for (key, value) in keys {
            self.lastRow += 1
            let row = RowID(rawValue: self.lastRow)
            let bytes = Bytes(key.utf8)
            var version = Version.tombstone(at: revision, row: row)
            if let value {
                let last = self.expected.rows.last { $0.tenant == tenant && $0.key == bytes }
                let alive = last.flatMap { $0.version.isTombstone ? nil : $0.version }
                version.version = (alive?.version ?? 0) + 1
                version.createRevision = alive?.createRevision ?? revision.main
                version.valueSize = UInt32(value.count)
                version.lease = LeaseID(rawValue: lease)
            }
            self.expected.rows.append(.init(tenant: tenant, key: bytes, version: version))
            self.values[row] = value ?? []
            self.batch.rows.append(
                .init(tenant: tenant, key: bytes, version: version, value: value ?? [])
            )
            revision.sub += 1
        }
    }

    mutating func grant(_ id: Int64, lease: Int64, ttlSeconds: Int64) {
        let tenant = TenantID(rawValue: id)
        let record = LeaseRecord(id: LeaseID(rawValue: lease), ttlSeconds: ttlSeconds)
        self.change(id) { _ in }
        self.expected.leases.append(.init(tenant: tenant, lease: record))
        self.expected.leases.sort { ($0.tenant, $0.lease.id) < ($1.tenant, $1.lease.id) }
        self.batch.leases.append(.grant(tenant, record))
    }

    mutating func raise(_ id: Int64, _ alarm: Alarm) {
        let tenant = TenantID(rawValue: id)
        self.change(id) { _ in }
        self.expected.alarms.insert(.init(tenant: tenant, alarm: alarm))
        self.batch.alarms.append(.raise(tenant, alarm))
    }

    mutating func clear(_ id: Int64, _ alarm: Alarm) {
        let tenant = TenantID(rawValue: id)
        self.change(id) { _ in }
        self.expected.alarms.remove(.init(tenant: tenant, alarm: alarm))
        self.batch.alarms.append(.clear(tenant, alarm))
    }

    mutating func revoke(_ id: Int64, lease: Int64) {
        let tenant = TenantID(rawValue: id)
        self.change(id) { _ in }
        self.expected.leases.removeAll { $0.tenant == tenant && $0.lease.id.rawValue == lease }
        self.batch.leases.append(.revoke(tenant, LeaseID(rawValue: lease)))
    }

    /// Removes rows as a compaction to `revision` would have asked for.
    mutating func compact(_ id: Int64, to revision: Int64, removing rows: [Int64]) {
        let tenant = TenantID(rawValue: id)
        let ids = rows.map(RowID.init(rawValue:))
        self.change(id) { $0.compactRevision = revision }
        self.expected.rows.removeAll { $0.tenant == tenant && ids.contains($0.version.row) }
        for row in ids { self.values[row] = nil }
        self.batch.removedRows.append((tenant, ids))
    }
}
