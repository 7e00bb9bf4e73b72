package import ByreCore
package import Postgres

// Passwords of readers, as verifiers: the password itself never gets here, and thus in no log.
extension SQLReader {
    /// SHA-256 of the verifier that a role's password was set by; NULL for none.
    static let verifierColumn = """
        ALTER TABLE sql_reader ADD COLUMN verifier_digest text
            CHECK (length(verifier_digest) = 64);
        """

    /// Characters of a verifier: base 64, and what stands between its parts.
    private static let verifierPunctuation = Set("+/=$:-".utf8)
    private static let verifierBytesMax = 512

    /// Whether a text has the form in which PostgreSQL keeps a password of SCRAM-SHA-256, so that it
    /// is not taken for the password itself.
    ///
    /// PostgreSQL: <https://www.postgresql.org/docs/15/catalog-pg-authid.html>
    static func isVerifier(_ text: String) -> Bool {
        let isPlain = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || Self.verifierPunctuation.contains(byte)
        }
        guard isPlain, text.utf8.count <= Self.verifierBytesMax else { return false }
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "SCRAM-SHA-256" else { return false }
        let salting = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        let keys = parts[2].split(separator: ":", omittingEmptySubsequences: false)
        // A key is 32 bytes: 44 characters of base 64.
        return salting.count == 2 && Int(salting[0]) ?? 0 > 0 && !salting[1].isEmpty
            && keys.count == 2 && keys.allSatisfy { $0.count == 44 && $0.hasSuffix("=") }
    }

    /// Gives a reader a password, and remembers by which verifier.
    /// - Throws: ``Refusal/foreign(_:)`` for a role that Byre has not made.
    package static func setPassword(
        of role: String,
        verifier: String,
        schema: String,
        on connection: PostgresConnection
    ) throws(Refusal) {
        guard SQLReaderRole.isValidName(role) else { throw .name(role) }
        guard Self.isVerifier(verifier) else { throw .verifier(role) }
        try Self.transaction(connection, schema) { () throws(Refusal) in
            try Self.checkPassword(of: role, schema: schema, on: connection)
            do throws(PostgresError) {
                // Of the statement, PostgreSQL may log what is no secret by itself.
                try connection.execute(
                    "ALTER ROLE \(Identifier.quoted(role)) PASSWORD '\(verifier)'"
                )
            } catch {
                let insufficientPrivilege = "42501"
                guard error.sqlState == insufficientPrivilege else { throw .database(error) }
                throw .password(role)
            }
            try Self.asking { () throws(PostgresError) in
                _ = try connection.query(
                    """
                    UPDATE sql_reader
                    SET verifier_digest = encode(sha256(convert_to($2, 'UTF8')), 'hex')
                    WHERE role = $1
                    """,
                    [.text(role), .text(verifier)]
                )
            }
        }
    }

    /// The readers of a tenant that can read, by name: the role is there and has its grants.
    /// - Parameter home: the schema whose views they read, if that is not the store's.
    package static func working(
        of tenant: TenantID,
        schema: String,
        home: String? = nil,
        on connection: PostgresConnection
    ) throws(PostgresError) -> [SQLReaderRole] {
        let views = Views.forReaders.map { "'\($0)'" }.joined(separator: ", ")
        return try connection.query(
            PostgresStatement(
                """
                SELECT role, coalesce(verifier_digest, '')
                FROM \(Identifier.quoted(schema)).sql_reader AS r
                JOIN pg_roles ON rolname = r.role
                JOIN pg_namespace AS n ON n.nspname = $2
                WHERE r.tenant = $1 AND has_schema_privilege(pg_roles.oid, n.oid, 'USAGE')
                    AND NOT EXISTS (
                        SELECT FROM pg_class AS c
                        WHERE c.relnamespace = n.oid AND c.relname IN (\(views))
                            AND NOT has_table_privilege(pg_roles.oid, c.oid, 'SELECT'))
                ORDER BY role COLLATE "C"
                """
            ),
            [.int8(tenant.rawValue), .text(home ?? schema)]
        ).map { row in
            let digest = row.text(1)
            return SQLReaderRole(name: row.text(0), verifierDigest: digest.isEmpty ? nil : digest)
        }
    }
}
