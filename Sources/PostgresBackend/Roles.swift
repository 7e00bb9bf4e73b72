package import ByreCore
package import Postgres

/// A role of PostgreSQL that reads one tenant through the views, and nothing else.
///
/// The role gets the schema and the views, never a table; which tenant the views show it is a row
/// of `sql_reader`, the role's name its key. So a new reader locks nothing that commits need.
/// Members of the role see what it sees.
///
/// Byre's own role owns the schema and is no superuser. It makes the role if it may (`CREATEROLE`);
/// otherwise an administrator has to have made it.
package enum SQLReader {
    /// Which role reads which tenant.
    static let table = """
        CREATE TABLE sql_reader (
            role              text        PRIMARY KEY CHECK (role <> ''),
            tenant            bigint      NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
            is_created        boolean     NOT NULL
        );

        CREATE INDEX sql_reader_of ON sql_reader (tenant);
        """

    /// Why a role cannot become a reader.
    package enum Refusal: Error, Hashable, Sendable {
        /// It is not a name that a role can have.
        case name(String)
        /// There is no such role, and Byre may not make one.
        case missing(String)
        /// The role sees every tenant as it is: a superuser, or a member of Byre's own role.
        case privileged(String)
        /// The role reads another tenant.
        case taken(String)
        /// A password's verifier is none of SCRAM-SHA-256.
        case verifier(String)
        /// Byre's own role may not set the role's password.
        case password(String)
        /// Byre has not made the role, so its password is not Byre's to set.
        case foreign(String)
        /// There is no such tenant.
        case noTenant
        case database(PostgresError)
    }

    /// Lets a role read a tenant. Asking again changes nothing.
    /// - Parameter home: the schema whose views it gets, if that is not the store's. The store's
    ///   `sql_reader` has it all the same, so that no role reads two tenants.
    package static func create(
        _ role: String,
        for tenant: TenantID,
        schema: String,
        home: String? = nil,
        on connection: PostgresConnection
    ) throws(Refusal) {
        guard SQLReaderRole.isValidName(role) else { throw .name(role) }
        try Self.transaction(connection, schema) { () throws(Refusal) in
            let origin = try Self.makeSure(of: role, schema: schema, connection)
            let row = try Self.asking { () throws(PostgresError) in
                try connection.query(
                    """
                    INSERT INTO sql_reader (role, tenant, is_created)
                    SELECT $1, id, $3 FROM tenant WHERE id = $2
                    ON CONFLICT (role) DO UPDATE SET
                        is_created = sql_reader.is_created OR excluded.is_created,
                        verifier_digest = CASE
                            WHEN $4 THEN NULL
                            ELSE sql_reader.verifier_digest END
                    RETURNING tenant
                    """,
                    [
                        .text(role), .int8(tenant.rawValue), .bool(origin != .found),
                        .bool(origin == .made),
                    ]
                ).first
            }
            guard let row else { throw .noTenant }
            guard row.int64(0) == tenant.rawValue else { throw .taken(role) }
            try Self.asking { () throws(PostgresError) in
                if let home { try Self.enter(home, schema, role, connection) }
                try connection.execute(Self.grant(role, schema: home ?? schema))
            }
        }
    }

    /// Takes from a role what ``create(_:for:schema:on:)`` gave it, and drops it if it was made
    /// there and nothing else depends on it.
    /// - Returns: whether it was a reader.
    @discardableResult
    package static func drop(
        _ role: String,
        schema: String,
        home: String? = nil,
        on connection: PostgresConnection
    ) throws(Refusal) -> Bool {
        guard SQLReaderRole.isValidName(role) else { throw .name(role) }
        var isCreated: Bool?
        try Self.transaction(connection, schema) { () throws(Refusal) in
            try Self.asking { () throws(PostgresError) in
                isCreated = try connection.query(
                    "DELETE FROM sql_reader WHERE role = $1 RETURNING is_created",
                    [.text(role)]
                ).first?.bool(0)
                let isThere = try Self.find(role, connection) != nil
                if let home { try Self.leave(home, role, connection) }
                guard isThere else { return }
                try connection.execute(Self.revoke(role, schema: home ?? schema))
                guard isCreated == true else { return }
                try connection.execute("SAVEPOINT dropping")
                do throws(PostgresError) {
                    try connection.execute("DROP ROLE \(Identifier.quoted(role))")
                } catch {
                    // Somebody has given it something else meanwhile: it is no longer only ours.
                    guard error.sqlState == "2BP01" || error.sqlState == "55006" else {
                        throw error
                    }
                    try connection.execute("ROLLBACK TO SAVEPOINT dropping")
                }
            }
        }
        return isCreated != nil
    }

    /// The readers of a tenant, or of each for nil, by name.
    package static func all(
        of tenant: TenantID?,
        schema: String,
        on connection: PostgresConnection
    ) throws(PostgresError) -> [TenantID: [String]] {
        let rows = try connection.query(
            PostgresStatement(
                """
                SELECT tenant, role FROM \(Identifier.quoted(schema)).sql_reader
                WHERE tenant = $1 OR $1 IS NULL ORDER BY role COLLATE "C"
                """
            ),
            [tenant.map { .int8($0.rawValue) } ?? .null]
        )
        return Dictionary(grouping: rows) { TenantID(rawValue: $0.int64(0)) }
            .mapValues { $0.map { $0.text(1) } }
    }
}
