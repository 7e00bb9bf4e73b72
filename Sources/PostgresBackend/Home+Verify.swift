import ByreCore
import Postgres

extension Home {
    /// The homes of a store, of tenants that are not being erased.
    static func all(
        of address: StoreAddress,
        _ connection: PostgresConnection
    ) throws(PostgresError) -> [(tenant: Int64, schema: String)] {
        try connection.query(
            .init(
                """
                SELECT id, home FROM "\(address.schema)".tenant
                WHERE home IS NOT NULL AND erasing_since IS NULL ORDER BY id
                """
            )
        ).map { ($0.int64(0), $0.text(1)) }
    }

    /// Checks a home as the store that it is, and that it says of its tenant what the store says.
    static func verify(
        _ home: (tenant: Int64, schema: String),
        of address: StoreAddress,
        _ connection: PostgresConnection,
        _ findings: inout Findings
    ) throws(PostgresError) {
        guard case .ours = try Self.standing(of: home.schema, in: address.schema, connection) else {
            findings.add(
                tenant: home.tenant,
                "its schema \(home.schema) is not there, or not this store's"
            )
            return
        }
        var verification = Verification(
            connection,
            StoreAddress(address, schema: home.schema),
            findings
        )
        try verification.checkAll()
        findings = verification.findings
        let same = try connection.query(.init(Self.comparison(home.schema, address.schema)))
        for row in same {
            findings.add(tenant: row.int64(0), "\(row.text(1)) differs in schema \(home.schema)")
        }
    }

    /// What a home has otherwise than the store, in one snapshot.
    private static func comparison(_ home: String, _ schema: String) -> String {
        """
        SELECT t.id, 'the commit point' FROM "\(schema)".tenant AS t
        LEFT JOIN "\(home)".tenant AS h USING (id)
        WHERE t.home = '\(home)' AND ROW(t.uid, t.revision, t.compact_revision)
            IS DISTINCT FROM ROW(h.uid, h.revision, h.compact_revision)
        UNION ALL
        SELECT t.id, 'the set of leases' FROM "\(schema)".tenant AS t
        WHERE t.home = '\(home)' AND EXISTS (
            (SELECT id, ttl_seconds FROM "\(schema)".lease WHERE tenant = t.id
                EXCEPT SELECT id, ttl_seconds FROM "\(home)".lease)
            UNION ALL
            (SELECT id, ttl_seconds FROM "\(home)".lease
                EXCEPT SELECT id, ttl_seconds FROM "\(schema)".lease WHERE tenant = t.id))
        """
    }
}
