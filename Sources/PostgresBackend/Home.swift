import ByreCore
import Postgres

/// The schema of a dedicated tenant: a store of its own, which a store beside it writes.
///
/// It says in its row of `store` to which store it belongs. As long as that one is in the same
/// database, with the tenant, nobody else may serve it; in another database, where `pg_restore` put
/// it, it is served by itself from the first start on.
enum Home {
    /// Whose a schema is.
    enum Standing {
        case missing
        /// It is there, holds nothing, not even a function, and is this role's, to make tables in and
        /// to drop.
        case empty
        /// It belongs to this store; the uids of the tenants in it.
        case ours([String])
        case foreign
    }

    /// What a home is called: the store's schema and the tenant's name, or, where that is too long, the
    /// beginning of it and of the tenant's uid.
    static func name(for tenant: TenantDefinition, in schema: String) -> String {
        let whole = "\(schema)_\(tenant.name.replacing("-", with: "_"))"
        guard whole.utf8.count > StoreAddress.schemaBytesMax else { return whole }
        let end = "_\(tenant.uid.prefix(8))"
        return whole.prefix(StoreAddress.schemaBytesMax - end.utf8.count) + end
    }

    static func standing(
        of home: String,
        in schema: String,
        _ connection: PostgresConnection
    ) throws(PostgresError) -> Standing {
        let found = try connection.query(
            """
            SELECT has_schema_privilege(n.oid, 'CREATE') AND pg_has_role(n.nspowner, 'USAGE'),
                EXISTS (
                    SELECT FROM pg_depend
                    WHERE refclassid = 'pg_namespace'::regclass AND refobjid = n.oid
                        AND classid <> 'pg_default_acl'::regclass),
                EXISTS (
                    SELECT FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
                    WHERE relnamespace = n.oid AND relname = 'store' AND attname = 'belongs_to'
                        AND has_table_privilege(pg_class.oid, 'SELECT'))
            FROM pg_namespace AS n WHERE nspname = $1
            """,
            [.text(home)]
        )
        guard let row = found.first else { return .missing }
        guard row.bool(1) else { return row.bool(0) ? .empty : .foreign }
        guard row.bool(2) else { return .foreign }
        let uids = try connection.query(
            .init(
                """
                SELECT t.uid FROM "\(home)".store AS h JOIN "\(schema)".store AS s
                    ON h.belongs_to = s.uid LEFT JOIN "\(home)".tenant AS t ON true ORDER BY t.uid
                """
            )
        )
        return uids.isEmpty ? .foreign : .ours(uids.filter { !$0.isNull(0) }.map { $0.text(0) })
    }

    // MARK: Making and dropping

    /// Makes a home, in the transaction that is under way.
    static func make(
        _ home: String,
        in schema: String,
        isThere: Bool,
        _ connection: PostgresConnection
    ) throws(PostgresError) {
        if !isThere { try connection.execute("CREATE SCHEMA \"\(home)\"") }
        try connection.execute("SET LOCAL search_path TO \"\(home)\"")
        for migration in Schema.migrations { try connection.execute(migration) }
        try connection.execute(
            """
            INSERT INTO store (id, schema_version, belongs_to, belongs_to_schema)
            SELECT 1, \(Schema.version), uid, '\(schema)' FROM "\(schema)".store
            """
        )
        try Views.makeAll(connection)
        try connection.execute("SET LOCAL search_path TO DEFAULT")
    }

    /// Statements that drop a home in the transaction under way. Somebody who reads it, `pg_dump`, is
    /// not waited for while the store's locks are held: it is tried again later.
    static func drop(_ home: String) -> [PostgresStatement] {
        ["SET LOCAL lock_timeout = 100", .init("DROP SCHEMA \"\(home)\" CASCADE")]
    }

    // MARK: Starting

    /// Takes a schema that was a tenant's home for a store by itself, if the store that it belonged to is
    /// not here. Its leases have their full time, since nobody could renew them.
    static func adopt(
        _ connection: PostgresConnection,
        _ address: StoreAddress
    ) throws(StoreError) {
        let schema = address.schema
        do throws(PostgresError) {
            let found = try connection.query(
                .init(
                    """
                    SELECT belongs_to_schema FROM "\(schema)".store WHERE belongs_to IS NOT NULL
                    """
                )
            )
            guard let parent = found.first?.text(0) else { return }
            if try Self.hasTenant(parent, at: schema, connection) {
                throw PostgresError(
                    kind: .server(sqlState: Self.belongsElsewhere),
                    message: parent
                )
            }
            try connection.execute(
                """
                BEGIN; SELECT pg_advisory_xact_lock(\(Schema.lockKey(schema)));
                SET LOCAL search_path TO "\(schema)";
                UPDATE lease SET expires_at = \(StoreStatements.expiry("ttl_seconds"));
                UPDATE housekeeping SET heartbeat = clock_timestamp();
                UPDATE store SET belongs_to = NULL, belongs_to_schema = NULL;
                COMMIT
                """
            )
        } catch {
            PostgresBackend.rollBack(connection)
            guard error.sqlState == Self.belongsElsewhere else { throw StoreError(address, error) }
            throw .inUse(
                path: String(describing: address),
                holder: "the store in schema \(error.message), as a dedicated tenant of it"
            )
        }
    }

    /// An SQLSTATE of our own, for the one that is not PostgreSQL's.
    private static let belongsElsewhere = "BYRE1"

    /// Whether the store in a schema has a tenant at `home`.
    private static func hasTenant(
        _ schema: String,
        at home: String,
        _ connection: PostgresConnection
    ) throws(PostgresError) -> Bool {
        guard StoreAddress.isValidSchema(schema) else { return false }
        let isStore = try connection.query(
            """
            SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname = $1 AND relname = 'store' AND has_table_privilege(pg_class.oid, 'SELECT')
            """,
            [.text(schema)]
        )
        guard !isStore.isEmpty else { return false }
        let found = try connection.query(
            .init(
                """
                SELECT 1 FROM "\(schema)".store AS s JOIN "\(home)".store AS h
                    ON h.belongs_to = s.uid
                JOIN "\(schema)".tenant AS t ON t.home = $1
                """
            ),
            [.text(home)]
        )
        return !found.isEmpty
    }

    /// Brings the homes of a store up to date, as its own schema is.
    ///
    /// A home says the same of its tenant as the store does, since every commit writes both. One that
    /// does not was restored from a backup: then the store takes over what it says.
    static func prepareAll(
        _ connection: PostgresConnection,
        _ address: StoreAddress
    ) throws(StoreError) {
        do throws(PostgresError) {
            let tenants = try connection.query(
                .init(
                    """
                    SELECT id, name, uid, home FROM "\(address.schema)".tenant
                    WHERE home IS NOT NULL AND erasing_since IS NULL ORDER BY id
                    """
                )
            )
            for tenant in tenants {
                let home = StoreAddress(address, schema: tenant.text(3))
                let standing = try Self.standing(of: home.schema, in: address.schema, connection)
                guard case .ours(let uids) = standing, uids == [tenant.text(2)] else {
                    throw PostgresError(
                        kind: .server(sqlState: "XX001"),
                        message: "the schema \(home.schema) of tenant \(tenant.text(1)) is not "
                            + "there, or not as Byre left it: restore it from a backup"
                    )
                }
                do throws(StoreError) {
                    try Schema.migrate(connection, home)
                } catch {
                    throw PostgresError(
                        kind: .server(sqlState: "55000"),
                        message: "tenant \(tenant.text(1)): \(error)"
                    )
                }
                try Self.takeOver(tenant.int64(0), home.schema, address.schema, connection)
            }
        } catch {
            throw StoreError(address, error)
        }
    }

    private static func takeOver(
        _ tenant: Int64,
        _ home: String,
        _ schema: String,
        _ connection: PostgresConnection
    ) throws(PostgresError) {
        let differs = try connection.query(
            .init(
                """
                SELECT 1 FROM "\(schema)".tenant AS t JOIN "\(home)".tenant AS h USING (id)
                WHERE id = $1 AND (t.revision, t.compact_revision, t.sequence, t.last_row)
                    <> (h.revision, h.compact_revision, h.sequence, h.last_row)
                """
            ),
            [.int8(tenant)]
        )
        guard !differs.isEmpty else { return }
        do throws(PostgresError) {
            try connection.execute(
                """
                BEGIN;
                SELECT pg_advisory_xact_lock(\(Schema.lockKey(schema)));
                UPDATE "\(schema)".tenant AS t SET revision = h.revision,
                    compact_revision = h.compact_revision, allocated_bytes = h.allocated_bytes,
                    sequence = greatest(t.sequence, h.sequence) + 1,
                    last_row = greatest(t.last_row, h.last_row),
                    changes_since = greatest(t.sequence, h.sequence) + 1
                FROM "\(home)".tenant AS h WHERE h.id = t.id AND t.id = \(tenant);
                UPDATE "\(home)".tenant AS h SET sequence = t.sequence, last_row = t.last_row
                FROM "\(schema)".tenant AS t WHERE h.id = t.id AND t.id = \(tenant);
                DELETE FROM "\(schema)".change WHERE tenant = \(tenant);
                DELETE FROM "\(schema)".alarm WHERE tenant = \(tenant);
                DELETE FROM "\(schema)".lease WHERE tenant = \(tenant);
                INSERT INTO "\(schema)".alarm (tenant, member_id, kind)
                SELECT tenant, member_id, kind FROM "\(home)".alarm;
                INSERT INTO "\(schema)".lease (tenant, id, ttl_seconds, expires_at)
                SELECT tenant, id, ttl_seconds, \(StoreStatements.expiry("ttl_seconds"))
                FROM "\(home)".lease;
                COMMIT
                """
            )
        } catch {
            PostgresBackend.rollBack(connection)
            throw error
        }
    }
}
