import ByreCore
import SQLite

/// The registry as a store holds it, for ``SQLiteBackend/recover(into:)``.
enum StoredRegistry {
    /// Every tenant, by id.
    static func read(_ connection: Connection) throws(SQLiteError) -> [StoredTenant] {
        let identities = try Self.identities(connection)
        var tenants: [StoredTenant] = []
        let statement = try Statement(
            """
            SELECT id, revision, compact_revision, sequence, allocated_bytes, cluster_id,
                member_id, erasing_since IS NOT NULL, name, uid, prefix, state,
                \(Self.seconds("created_at")), \(Self.seconds("reclaim_at")), generation,
                quota_bytes, space_mode, max_keys, max_value_bytes, max_writes_per_second,
                max_reads_per_second, max_read_bytes_per_second, max_watches, max_leases,
                max_connections, max_in_flight, compact_after_nanoseconds,
                compact_keeping_revisions, was_suspended, isolation, home, owner, source,
                deletion_policy, deletion_grace_seconds
            FROM tenant LEFT JOIN tenant_owner ON tenant = id ORDER BY id
            """,
            on: connection
        )
        while try statement.step() {
            let record = TenantRecord(
                id: TenantID(rawValue: statement.integer(0)),
                revision: statement.integer(1),
                compactRevision: statement.integer(2),
                sequence: statement.integer(3),
                allocatedBytes: statement.integer(4),
                clusterID: UInt64(bitPattern: statement.integer(5)),
                memberID: UInt64(bitPattern: statement.integer(6))
            )
            var definition = Self.definition(statement)
            definition.identities = identities[record.id] ?? []
            tenants.append(
                StoredTenant(record, definition, isErasing: statement.integer(7) != 0)
            )
        }
        return tenants
    }

    /// Seconds since 1970, from a date as people write it; NULL from NULL.
    private static func seconds(_ column: String) -> String {
        "CAST(strftime('%s', \(column)) AS INTEGER)"
    }

    private static func definition(_ statement: borrowing Statement) -> TenantDefinition {
        var definition = TenantDefinition(
            name: statement.text(8),
            uid: statement.text(9),
            prefix: statement.blob(10),
            createdAt: statement.integer(12)
        )
        // The constraints allow no other words.
        definition.lifecycle = .init(rawValue: statement.text(11)) ?? .suspended
        definition.reclaimAt = statement.integerOrNil(13)
        definition.generation = statement.integer(14)
        definition.wasSuspended = statement.integer(28) != 0
        definition.isolation = .init(rawValue: statement.text(29)) ?? .shared
        let home = statement.text(30)
        definition.home = home.isEmpty ? nil : home
        definition.limits.bytes = statement.integerOrNil(15)
        definition.limits.spaceMode = .init(rawValue: statement.text(16)) ?? .strict
        definition.storedNumbers = (17...27).map { statement.integerOrNil($0) }
        if let grace = statement.integerOrNil(34) {
            definition.ownership = TenantOwnership(
                owner: statement.text(31),
                source: statement.text(32),
                // The constraints allow no other words.
                deletionPolicy: .init(rawValue: statement.text(33)) ?? .retain,
                deletionGraceSeconds: grace
            )
        }
        return definition
    }

    private static func identities(
        _ connection: Connection
    ) throws(SQLiteError) -> [TenantID: Set<TenantIdentity>] {
        var identities: [TenantID: Set<TenantIdentity>] = [:]
        let statement = try Statement(
            "SELECT tenant, kind, value FROM tenant_identity",
            on: connection
        )
        while try statement.step() {
            // The constraints allow no other kinds.
            guard let kind = TenantIdentity.Kind(rawValue: statement.text(1)) else { continue }
            identities[TenantID(rawValue: statement.integer(0)), default: []].insert(
                TenantIdentity(kind, statement.text(2))
            )
        }
        return identities
    }
}
