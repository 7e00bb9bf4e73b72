import ByreCore
import Postgres

/// The registry as a store holds it.
enum StoredRegistry {
    /// The tenants of ``StoreStatements/definitions`` with their identities.
    static func tenants(
        _ rows: some Sequence<PostgresRow>,
        identities: some Sequence<PostgresRow>
    ) -> [StoredTenant] {
        var identitiesOf: [TenantID: Set<TenantIdentity>] = [:]
        for row in identities {
            // The constraints allow no other kinds.
            guard let kind = TenantIdentity.Kind(rawValue: row.text(1)) else { continue }
            identitiesOf[TenantID(rawValue: row.int64(0)), default: []].insert(
                TenantIdentity(kind, row.text(2))
            )
        }
        return rows.map { row in
            let record = row.tenantRecord()
            var definition = Self.definition(row)
            definition.identities = identitiesOf[record.id] ?? []
            return StoredTenant(record, definition, isErasing: row.bool(8))
        }
    }

    private static func definition(_ row: PostgresRow) -> TenantDefinition {
        func number(_ column: Int) -> Int64? { row.isNull(column) ? nil : row.int64(column) }
        var definition = TenantDefinition(
            name: row.text(9),
            uid: row.text(10),
            prefix: row.bytes(11),
            createdAt: row.int64(13)
        )
        // The constraints allow no other words.
        definition.lifecycle = .init(rawValue: row.text(12)) ?? .suspended
        definition.reclaimAt = number(14)
        definition.generation = row.int64(15)
        definition.limits.bytes = number(16)
        definition.limits.spaceMode = .init(rawValue: row.text(17)) ?? .strict
        definition.storedNumbers = (18...28).map(number)
        definition.wasSuspended = row.bool(29)
        definition.isolation = .init(rawValue: row.text(30)) ?? .shared
        definition.home = row.isNull(31) ? nil : row.text(31)
        if let grace = number(35) {
            definition.ownership = TenantOwnership(
                owner: row.text(32),
                source: row.text(33),
                // The constraints allow no other words.
                deletionPolicy: .init(rawValue: row.text(34)) ?? .retain,
                deletionGraceSeconds: grace
            )
        }
        return definition
    }
}

extension PostgresRow {
    /// A record from the columns ``StoreStatements/recordColumns``, which begin a row.
    func tenantRecord() -> TenantRecord {
        TenantRecord(
            id: TenantID(rawValue: self.int64(0)),
            revision: self.int64(1),
            compactRevision: self.int64(2),
            sequence: self.int64(3),
            allocatedBytes: self.int64(5),
            lastRow: RowID(rawValue: self.int64(4)),
            clusterID: UInt64(bitPattern: self.int64(6)),
            memberID: UInt64(bitPattern: self.int64(7))
        )
    }

    /// A version from the columns ``StoreStatements/versionColumns``, which begin a row.
    func version() -> Version {
        Version(
            modRevision: self.int64(2),
            sub: UInt32(truncatingIfNeeded: self.int64(3)),
            valueSize: UInt32(truncatingIfNeeded: self.int64(8)),
            createRevision: self.int64(4),
            version: self.int64(5),
            lease: LeaseID(rawValue: self.int64(6)),
            row: RowID(rawValue: self.int64(0))
        )
    }
}
