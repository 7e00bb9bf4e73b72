import ByreCore
import SQLite

/// The statements that write the registry: tenants with their definitions, and their identities.
///
/// Belongs to the writer thread.
final class RegistryWriter {
    private let connection: Connection
    private let times: CommitTimes
    private let insert: Statement
    private let define: Statement
    private let insertIdentity: Statement
    private let deleteIdentities: Statement
    private let insertOwner: Statement
    private let deleteOwner: Statement
    private let beginErasing: Statement
    private let deleteRows: Statement
    private let deleteLeases: Statement
    private let deleteAllLeases: Statement
    private let deleteAlarms: Statement
    private let delete: Statement
    private let standing: Statement

    init(_ connection: Connection, _ times: CommitTimes) throws(SQLiteError) {
        func statement(_ sql: String) throws(SQLiteError) -> Statement {
            try Statement(sql, on: connection)
        }
        self.connection = connection
        self.times = times
        self.insert = try statement(
            """
            INSERT INTO tenant (id, revision, compact_revision, sequence, allocated_bytes,
                cluster_id, member_id, name, uid, prefix, created_at, isolation, home)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \(Self.date("?11")), ?12,
                nullif(?13, ''))
            """
        )
        self.define = try statement(
            """
            UPDATE tenant SET name = ?2, state = ?3, reclaim_at = \(Self.date("?4")),
                generation = ?5, quota_bytes = ?6, space_mode = ?7, max_keys = ?8,
                max_value_bytes = ?9, max_writes_per_second = ?10, max_reads_per_second = ?11,
                max_read_bytes_per_second = ?12, max_watches = ?13, max_leases = ?14,
                max_connections = ?15, max_in_flight = ?16, compact_after_nanoseconds = ?17,
                compact_keeping_revisions = ?18, was_suspended = ?19, is_home_made = ?20
            WHERE id = ?1
            """
        )
        self.insertIdentity = try statement(
            "INSERT INTO tenant_identity (tenant, kind, value) VALUES (?1, ?2, ?3)"
        )
        self.deleteIdentities = try statement("DELETE FROM tenant_identity WHERE tenant = ?1")
        self.insertOwner = try statement(
            """
            INSERT INTO tenant_owner (tenant, owner, source, deletion_policy,
                deletion_grace_seconds)
            VALUES (?1, ?2, ?3, ?4, ?5)
            """
        )
        self.deleteOwner = try statement("DELETE FROM tenant_owner WHERE tenant = ?1")
        self.beginErasing = try statement(
            "UPDATE tenant SET erasing_since = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?1"
        )
        self.deleteRows = try statement(
            "DELETE FROM kv WHERE row BETWEEN ?2 AND ?3 AND tenant = ?1"
        )
        self.deleteLeases = try statement(
            """
            DELETE FROM lease WHERE tenant = ?1 AND id IN (
                SELECT id FROM lease WHERE tenant = ?1 ORDER BY id LIMIT ?2)
            """
        )
        self.deleteAllLeases = try statement("DELETE FROM lease WHERE tenant = ?1")
        self.deleteAlarms = try statement("DELETE FROM alarm WHERE tenant = ?1")
        self.delete = try statement("DELETE FROM tenant WHERE id = ?1")
        self.standing = try statement(
            "SELECT generation, erasing_since IS NOT NULL FROM tenant WHERE id = ?1"
        )
    }

    /// A date as people write it, from seconds since 1970; NULL from NULL.
    private static func date(_ seconds: String) -> String {
        "strftime('%Y-%m-%dT%H:%M:%fZ', \(seconds), 'unixepoch')"
    }

    func apply(_ change: RegistryChange) throws(SQLiteError) {
        switch change {
        case .create(let record, let definition): try self.create(record, definition)
        case .define(let id, let definition): try self.define(id, definition)
        case .beginErasing(let id):
            try self.run(self.beginErasing, id)
            try self.expectTenant(id)
            try self.run(self.deleteIdentities, id)
        case .eraseRows(let id, let rows):
            try self.deleteRows.bind(rows.lowerBound.rawValue, at: 2)
            try self.deleteRows.bind(rows.upperBound.rawValue, at: 3)
            try self.run(self.deleteRows, id)
            try self.times.forget(rows)
        case .eraseLeases(let id, let countMax):
            try self.deleteLeases.bind(Int64(countMax), at: 2)
            try self.run(self.deleteLeases, id)
        case .erase(let id):
            try self.run(self.deleteAllLeases, id)
            try self.run(self.deleteAlarms, id)
            try self.run(self.deleteIdentities, id)
            try self.run(self.deleteOwner, id)
            try self.run(self.delete, id)
        }
    }

    private func run(
        _ statement: borrowing Statement,
        _ tenant: TenantID
    ) throws(SQLiteError) {
        try statement.bind(tenant.rawValue, at: 1)
        try statement.run()
    }

    private func create(
        _ record: TenantRecord,
        _ definition: TenantDefinition
    ) throws(SQLiteError) {
        try self.insert.bind(record.id.rawValue, at: 1)
        try self.insert.bind(record.revision, at: 2)
        try self.insert.bind(record.compactRevision, at: 3)
        try self.insert.bind(record.sequence, at: 4)
        try self.insert.bind(record.allocatedBytes, at: 5)
        try self.insert.bind(Int64(bitPattern: record.clusterID), at: 6)
        try self.insert.bind(Int64(bitPattern: record.memberID), at: 7)
        try self.insert.bind(definition.name, at: 8)
        try self.insert.bind(definition.uid, at: 9)
        try self.insert.bind(definition.prefix, at: 10)
        try self.insert.bind(definition.createdAt, at: 11)
        try self.insert.bind(definition.isolation.rawValue, at: 12)
        try self.insert.bind(definition.home ?? "", at: 13)
        try self.insert.run()
        try self.define(record.id, definition, isHomeMade: definition.home == nil)
    }

    private func define(
        _ id: TenantID,
        _ definition: TenantDefinition,
        isHomeMade: Bool = true
    ) throws(SQLiteError) {
        let limits = definition.limits
        try self.define.bind(definition.name, at: 2)
        try self.define.bind(definition.lifecycle.rawValue, at: 3)
        try self.define.bind(orNull: definition.reclaimAt, at: 4)
        try self.define.bind(definition.generation, at: 5)
        try self.define.bind(orNull: limits.bytes, at: 6)
        try self.define.bind(limits.spaceMode.rawValue, at: 7)
        for (place, number) in definition.storedNumbers.enumerated() {
            try self.define.bind(orNull: number, at: 8 + place)
        }
        try self.define.bind(definition.wasSuspended ? 1 : 0, at: 19)
        try self.define.bind(isHomeMade ? 1 : 0, at: 20)
        try self.run(self.define, id)
        try self.expectTenant(id)
        try self.run(self.deleteIdentities, id)
        for identity in definition.identities.sorted() {
            try self.insertIdentity.bind(identity.kind.rawValue, at: 2)
            try self.insertIdentity.bind(identity.value, at: 3)
            try self.run(self.insertIdentity, id)
        }
        try self.run(self.deleteOwner, id)
        guard let ownership = definition.ownership else { return }
        try self.insertOwner.bind(ownership.owner, at: 2)
        try self.insertOwner.bind(ownership.source, at: 3)
        try self.insertOwner.bind(ownership.deletionPolicy.rawValue, at: 4)
        try self.insertOwner.bind(ownership.deletionGraceSeconds, at: 5)
        try self.run(self.insertOwner, id)
    }

    private func expectTenant(_ id: TenantID) throws(SQLiteError) {
        guard self.connection.changes == 1 else {
            throw .contradiction("tenant \(id.rawValue) is not in the store")
        }
    }

    // MARK: Looking it up

    /// Whether the effect of `change` can be read. An erased slice leaves nothing to tell it by and
    /// may be asked for again, so that one never can.
    func isCommitted(_ change: RegistryChange) throws(SQLiteError) -> Bool {
        try self.standing.bind(change.tenant.rawValue, at: 1)
        defer { self.standing.reset() }
        let isThere = try self.standing.step()
        switch change {
        case .create: return isThere
        case .define(_, let definition):
            return isThere && self.standing.integer(0) == definition.generation
        case .beginErasing: return isThere && self.standing.integer(1) != 0
        case .eraseRows, .eraseLeases: return false
        case .erase: return !isThere
        }
    }
}
