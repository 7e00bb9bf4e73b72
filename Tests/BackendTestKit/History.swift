package import ByreCore
import ByreTestKit

/// What a recovery read, for comparing.
package struct Recovered: Recovery, Hashable {
    package struct Row: Hashable {
        package var tenant: TenantID
        package var key: Bytes
        package var version: Version
    }

    package struct Lease: Hashable {
        package var tenant: TenantID
        package var lease: LeaseRecord
    }

    package struct RaisedAlarm: Hashable {
        package var tenant: TenantID
        package var alarm: Alarm
    }

    package var tenants: [StoredTenant] = []
    package var alarms: Set<RaisedAlarm> = []
    package var leases: [Lease] = []
    package var rows: [Row] = []

    package init() {}

    package mutating func tenant(_ tenant: StoredTenant) { self.tenants.append(tenant) }

    package mutating func alarm(_ tenant: TenantID, _ alarm: Alarm) {
        self.alarms.insert(RaisedAlarm(tenant: tenant, alarm: alarm))
    }

    package mutating func lease(_ tenant: TenantID, _ lease: LeaseRecord) {
        self.leases.append(Lease(tenant: tenant, lease: lease))
    }

    package mutating func row(_ tenant: TenantID, key: Bytes, version: Version) {
        self.rows.append(Row(tenant: tenant, key: key, version: version))
    }
}

extension Backend {
    package func recovered() throws -> Recovered {
        var recovered = Recovered()
        try self.recover(into: &recovered)
        return recovered
    }

    /// The values of `rows` as a new reader sees them.
    package func values(of tenant: TenantID, rows: [RowID]) throws -> [Bytes] {
        var values: [Bytes] = []
        try self.makeReader().values(of: tenant, rows: rows) { index, value in
            assert(index == values.count, "values come in the order of their rows")
            values.append(value)
        }
        return values
    }
}

/// Makes batches that are consistent with one another, and knows what a store of them must hold.
package struct History {
    package private(set) var expected = Recovered()
    package private(set) var values: [RowID: Bytes] = [:]
    package private(set) var batch = CommitBatch()
    private let numbering: RowNumbering
    /// Rows in the order in which they were written.
    private var written: [Recovered.Row] = []
    private var lastRow = RowID(rawValue: 0)

    package init(numbering: RowNumbering = .store) {
        self.numbering = numbering
    }

    /// Goes on where a store is.
    package init(_ recovered: Recovered, numbering: RowNumbering = .store) {
        self.numbering = numbering
        self.expected = recovered
        self.written = recovered.rows
        self.lastRow = recovered.rows.last?.version.row ?? RowID(rawValue: 0)
    }

    // MARK: Rows, which tests count from 1 in the order in which they are written

    /// Number of a row; of one that is not there when it has not been written.
    package func row(_ place: Int64) -> RowID {
        guard place > Int64(self.written.count) else {
            return place > 0 ? self.written[Int(place) - 1].version.row : RowID(rawValue: 0)
        }
        let last = self.written.last?.version.row.rawValue ?? 0
        return RowID(rawValue: last + place - Int64(self.written.count))
    }

    /// What is a tenant's among some rows.
    package func span(of id: Int64, _ places: ClosedRange<Int64>) -> RowSpan {
        let its = zip(Int64(1)..., self.written).filter { $0.1.tenant.rawValue == id }
            .map { (place: $0.0, row: $0.1.version.row) }
        let among = its.filter { places.contains($0.place) }
        let next = its.last?.row.next ?? RowID(rawValue: 1)
        var span = RowSpan(from: among.first?.row ?? next)
        for (_, row) in among { span.include(row) }
        return span
    }

    /// The number of the next row of a tenant.
    private func nextRow(of record: TenantRecord) -> RowID {
        switch self.numbering {
        case .store: self.lastRow.next
        case .tenant: record.nextRow
        }
    }

    /// Ends a batch.
    package mutating func take() -> CommitBatch {
        defer { self.batch = CommitBatch() }
        return self.batch
    }

    package mutating func create(_ id: Int64, _ name: String) {
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
    package mutating func define(_ id: Int64, _ body: (inout TenantDefinition) -> Void) {
        let place = self.place(of: id)
        body(&self.expected.tenants[place].definition)
        self.expected.tenants[place].definition.generation += 1
        let tenant = self.expected.tenants[place]
        self.batch.registry.append(.define(tenant.record.id, tenant.definition))
    }

    package mutating func beginErasing(_ id: Int64) {
        let place = self.place(of: id)
        self.expected.tenants[place].isErasing = true
        self.expected.tenants[place].definition.identities = []
        self.batch.registry.append(.beginErasing(TenantID(rawValue: id)))
    }

    package mutating func eraseRows(_ id: Int64, _ rows: ClosedRange<Int64>) {
        let tenant = TenantID(rawValue: id)
        let span = self.span(of: id, rows)
        guard !span.isEmpty else { return }
        self.expected.rows.removeAll {
            $0.tenant == tenant && (span.first...span.last).contains($0.version.row)
        }
        self.batch.registry.append(.eraseRows(tenant, span.first...span.last))
    }

    /// Deletes leases of a tenant, the least ids first.
    package mutating func eraseLeases(_ id: Int64, countMax: Int) {
        let tenant = TenantID(rawValue: id)
        let erased = self.expected.leases.filter { $0.tenant == tenant }.prefix(countMax)
        self.expected.leases.removeAll(where: erased.contains)
        self.batch.registry.append(.eraseLeases(tenant, countMax: countMax))
    }

    package mutating func erase(_ id: Int64) {
        let tenant = TenantID(rawValue: id)
        self.expected.tenants.remove(at: self.place(of: id))
        self.expected.leases.removeAll { $0.tenant == tenant }
        self.expected.alarms = self.expected.alarms.filter { $0.tenant != tenant }
        self.batch.registry.append(.erase(tenant))
    }

    /// Changes a tenant's control state, in the batch too.
    package mutating func change(_ id: Int64, _ body: (inout TenantRecord) -> Void) {
        let place = self.place(of: id)
        body(&self.expected.tenants[place].record)
        self.expected.tenants[place].record.sequence += 1
        self.batch.tenants.removeAll { $0.id.rawValue == id }
        self.batch.tenants.append(self.expected.tenants[place].record)
    }

    /// Puts `keys` in one transaction of the tenant; a nil value deletes.
    package mutating func write(_ id: Int64, _ keys: [(key: String, value: Bytes?)], lease: Int64 = 0) {
        let tenant = TenantID(rawValue: id)
        var revision = Revision(main: 0, sub: 0)
        self.change(id) { record in
            record.revision += 1
            revision.main = record.revision
        }
        for (key, value) in keys {
            let place = self.place(of: id)
            let row = self.nextRow(of: self.expected.tenants[place].record)
            self.lastRow = row
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
            self.append(Recovered.Row(tenant: tenant, key: bytes, version: version))
            self.values[row] = value ?? []
            self.batch.rows.append(
                .init(tenant: tenant, key: bytes, version: version, value: value ?? [])
            )
            revision.sub += 1
        }
    }

    private mutating func append(_ row: Recovered.Row) {
        self.written.append(row)
        self.expected.rows.append(row)
        guard self.numbering == .tenant else { return }
        self.expected.rows.sort { $0.version.row < $1.version.row }
        let id = row.tenant.rawValue
        self.expected.tenants[self.place(of: id)].record.lastRow = row.version.row
        for place in self.batch.tenants.indices where self.batch.tenants[place].id == row.tenant {
            self.batch.tenants[place].lastRow = row.version.row
        }
    }

    package mutating func grant(_ id: Int64, lease: Int64, ttlSeconds: Int64) {
        let tenant = TenantID(rawValue: id)
        let record = LeaseRecord(id: LeaseID(rawValue: lease), ttlSeconds: ttlSeconds)
        self.change(id) { _ in }
        self.expected.leases.append(.init(tenant: tenant, lease: record))
        self.expected.leases.sort { ($0.tenant, $0.lease.id) < ($1.tenant, $1.lease.id) }
        self.batch.leases.append(.grant(tenant, record))
    }

    package mutating func raise(_ id: Int64, _ alarm: Alarm) {
        let tenant = TenantID(rawValue: id)
        self.change(id) { _ in }
        self.expected.alarms.insert(.init(tenant: tenant, alarm: alarm))
        self.batch.alarms.append(.raise(tenant, alarm))
    }

    package mutating func clear(_ id: Int64, _ alarm: Alarm) {
        let tenant = TenantID(rawValue: id)
        self.change(id) { _ in }
        self.expected.alarms.remove(.init(tenant: tenant, alarm: alarm))
        self.batch.alarms.append(.clear(tenant, alarm))
    }

    package mutating func revoke(_ id: Int64, lease: Int64) {
        let tenant = TenantID(rawValue: id)
        self.change(id) { _ in }
        self.expected.leases.removeAll { $0.tenant == tenant && $0.lease.id.rawValue == lease }
        self.batch.leases.append(.revoke(tenant, LeaseID(rawValue: lease)))
    }

    /// Removes rows as a compaction to `revision` would have asked for.
    package mutating func compact(_ id: Int64, to revision: Int64, removing rows: [Int64]) {
        let tenant = TenantID(rawValue: id)
        let ids = rows.map(self.row)
        self.change(id) { $0.compactRevision = revision }
        self.expected.rows.removeAll { $0.tenant == tenant && ids.contains($0.version.row) }
        for row in ids { self.values[row] = nil }
        self.batch.removedRows.append((tenant, ids))
    }
}
