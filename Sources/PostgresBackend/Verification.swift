import ByreCore
import Postgres

/// Checks one snapshot of a store, rule by rule.
struct Verification {
    private(set) var findings = Findings()
    private let connection: PostgresConnection
    private let address: StoreAddress
    private let sql: StoreStatements

    /// Adds to `findings`.
    init(_ connection: PostgresConnection, _ address: StoreAddress, _ findings: Findings) {
        self.init(connection, address)
        self.findings = findings
    }

    init(_ connection: PostgresConnection, _ address: StoreAddress) {
        self.connection = connection
        self.address = address
        self.sql = StoreStatements(schema: address.schema)
    }

    /// Checks every rule, or as far as the damage lets PostgreSQL read.
    mutating func checkAll() throws(PostgresError) {
        try self.checkSchema()
        try self.connection.execute(
            """
            BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
            SET LOCAL search_path TO "\(self.address.schema)"
            """
        )
        do throws(PostgresError) {
            try self.checkTenants()
            try self.checkRows()
            try self.checkLeases()
            try self.connection.execute("COMMIT")
        } catch {
            guard error.sqlState == "XX001" || error.sqlState == "XX002" else { throw error }
            self.findings.add("PostgreSQL: \(error.message), so what follows could not be read")
        }
    }

    // MARK: The schema

    /// Rule: the tables, indexes, constraints and triggers are those of a fresh store, and the views
    /// are there.
    ///
    /// A fresh one is made in a transaction that is rolled back.
    private mutating func checkSchema() throws(PostgresError) {
        let present = try self.objects(of: self.address.schema)
        var expected: [String: String]?
        do throws(PostgresError) {
            try self.connection.execute(
                """
                BEGIN; CREATE SCHEMA "\(Self.freshSchema)";
                SET LOCAL search_path TO "\(Self.freshSchema)"
                """
            )
            for migration in Schema.migrations { try self.connection.execute(migration) }
            expected = try self.objects(of: Self.freshSchema)
            try self.connection.execute("ROLLBACK")
        } catch {
            PostgresBackend.rollBack(self.connection)
            // Without the right to make a schema, or on a standby.
            guard error.sqlState == "42501" || error.isReadOnly else { throw error }
            self.findings.add(
                severity: .warning,
                "the schema is not compared: \(error.message)"
            )
        }
        guard let expected else { return }
        for (name, definition) in expected.sorted(by: { $0.key < $1.key })
        where present[name] != definition {
            self.findings.add(
                present[name] == nil ? "\(name) is missing" : "\(name) was altered"
            )
        }
        for name in present.keys.sorted()
        where expected[name] == nil && !name.hasPrefix("view ") {
            self.findings.add(severity: .warning, "\(name) is not of the schema")
        }
        // The next start makes views anew.
        for view in Views.all where present["view \(view.name)"] == nil {
            self.findings.add(severity: .warning, "view \(view.name) is missing")
        }
    }

    /// The name of the schema that is made to compare with; no two at a time are seen.
    private static let freshSchema = "byre_verification"

    /// Definitions by kind and name, without the schema's name in them.
    private func objects(of schema: String) throws(PostgresError) -> [String: String] {
        var objects: [String: String] = [:]
        try self.connection.query(Self.catalog, [.text(schema)]) { row in
            objects[row.text(0)] = row.text(1)
        }
        return objects
    }

    private static let catalog: PostgresStatement = """
        WITH s AS (SELECT oid, nspname FROM pg_namespace WHERE nspname = $1),
        r AS (
            SELECT c.oid, c.relname, c.relkind FROM pg_class AS c JOIN s ON s.oid = c.relnamespace)
        SELECT name, replace(replace(coalesce(definition, ''), quote_ident($1) || '.', ''),
            '"' || $1 || '".', '')
        FROM (
            SELECT CASE r.relkind WHEN 'v' THEN 'view ' ELSE 'table ' END || r.relname AS name,
                '' AS definition
            FROM r WHERE r.relkind IN ('r', 'v')
            UNION ALL
            SELECT 'column ' || r.relname || '.' || a.attname,
                format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull::text || ' '
                    || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
            FROM r JOIN pg_attribute AS a ON a.attrelid = r.oid
            LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE r.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
            UNION ALL
            SELECT 'constraint ' || r.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
            FROM r JOIN pg_constraint AS k ON k.conrelid = r.oid
            UNION ALL
            SELECT 'index ' || r.relname, pg_get_indexdef(r.oid) FROM r WHERE r.relkind = 'i'
            UNION ALL
            SELECT 'trigger ' || t.tgname, pg_get_triggerdef(t.oid) || t.tgenabled::text
            FROM r JOIN pg_trigger AS t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal) AS o
        """

    // MARK: The rows

    /// Rules of the registry that constraints do not hold, and what belongs to a tenant belongs to one
    /// that is there.
    private mutating func checkTenants() throws(PostgresError) {
        let all = PostgresValue.int8(-1)
        self.findings.check(
            StoredRegistry.tenants(
                try self.connection.query(self.sql.definitions, [all]),
                identities: try self.connection.query(self.sql.identities, [all])
            )
        )
        for table in ["alarm", "change", "tenant_identity"] {
            let orphans = try self.connection.query(
                .init(
                    """
                    SELECT DISTINCT tenant FROM \(table)
                    WHERE tenant NOT IN (SELECT id FROM tenant) ORDER BY tenant
                    """
                )
            )
            for row in orphans {
                self.findings.add(
                    tenant: row.int64(0),
                    "rows of \(table) of a tenant not there"
                )
            }
        }
        let undated = try self.connection.query(
            .init(
                """
                SELECT DISTINCT row >> \(RowID.tenantBits) FROM commit_time
                WHERE row >> \(RowID.tenantBits) NOT IN (SELECT id FROM tenant) ORDER BY 1
                """
            )
        )
        for row in undated {
            self.findings.add(
                tenant: row.int64(0),
                "rows of commit_time of a tenant not there"
            )
        }
        for row in try self.connection.query(Self.uncountedTenants) {
            self.findings.add(tenant: row.int64(0), row.text(1))
        }
    }

    /// Rules: numbers that are given out rise.
    private static let uncountedTenants: PostgresStatement = """
        SELECT tenant.id, 'its id is not below the next one, ' || next_tenant FROM tenant, store
        WHERE tenant.id >= next_tenant
        UNION ALL
        SELECT change.tenant, 'a change has sequence ' || max(change.sequence) || ', above the tenant''s '
            || tenant.sequence
        FROM change JOIN tenant ON tenant.id = change.tenant
        WHERE change.sequence > tenant.sequence GROUP BY change.tenant, tenant.sequence
        UNION ALL
        SELECT tenant.id, 'row ' || max(kv.row) || ' is above its last, ' || tenant.last_row
        FROM tenant JOIN kv ON kv.row > tenant.last_row AND kv.tenant = tenant.id
            AND kv.mod_revision <= tenant.revision
        WHERE tenant.erasing_since IS NULL GROUP BY tenant.id
        ORDER BY 1, 2
        """

    /// Reads every row, in commit order.
    private mutating func checkRows() throws(PostgresError) {
        var rules = RowRules(self.findings)
        let tenants = try self.connection.query(
            """
            SELECT id, revision, compact_revision, erasing_since IS NOT NULL,
                importer IS NOT NULL FROM tenant WHERE home IS NULL
            """
        )
        for row in tenants {
            rules.tenant(
                row.int64(0),
                revision: row.int64(1),
                compactRevision: row.int64(2),
                isErasing: row.bool(3),
                isImporting: row.bool(4)
            )
        }
        try self.connection.stream(self.sql.allRows) { row in
            rules.row(row.version(), key: row.bytes(7), of: row.int64(1))
            return true
        }
        rules.finish()
        self.findings = rules.findings
    }

    /// Rule: leases belong to tenants.
    ///
    /// A key's lease that is not there is a warning: it never expires.
    private mutating func checkLeases() throws(PostgresError) {
        let orphans = try self.connection.query(
            "SELECT tenant, id FROM lease WHERE tenant NOT IN (SELECT id FROM tenant) ORDER BY 1, 2"
        )
        for row in orphans {
            self.findings.add(
                tenant: row.int64(0),
                "lease \(row.int64(1)) of a tenant not there"
            )
        }
        let missing = try self.connection.query(
            """
            SELECT kv.tenant, kv.row, kv.lease
            FROM (
                SELECT max(kv.row) AS row FROM kv JOIN tenant AS t ON t.id = kv.tenant
                WHERE t.erasing_since IS NULL AND kv.mod_revision <= t.revision
                GROUP BY kv.tenant, kv.key) AS newest
            JOIN kv ON kv.row = newest.row
            WHERE kv.lease <> 0 AND kv.version > 0 AND NOT EXISTS (
                SELECT 1 FROM lease WHERE lease.tenant = kv.tenant AND lease.id = kv.lease)
            ORDER BY kv.row LIMIT $1
            """,
            [.int8(Int64(Findings.countMax))]
        )
        for row in missing {
            self.findings.add(
                severity: .warning,
                tenant: row.int64(0),
                row: row.int64(1),
                "lease \(row.int64(2)) is not there"
            )
        }
    }
}
