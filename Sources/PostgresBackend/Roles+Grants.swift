import Postgres

extension SQLReader {
    static func grant(_ role: String, schema: String) -> String {
        let role = Identifier.quoted(role)
        return """
            GRANT USAGE ON SCHEMA \(Identifier.quoted(schema)) TO \(role);
            GRANT SELECT ON \(Views.forReaders.joined(separator: ", ")) TO \(role)
            """
    }

    static func revoke(_ role: String, schema: String) -> String {
        let role = Identifier.quoted(role)
        return """
            REVOKE SELECT ON \(Views.forReaders.joined(separator: ", ")) FROM \(role);
            REVOKE USAGE ON SCHEMA \(Identifier.quoted(schema)) FROM \(role)
            """
    }

    /// Notes a reader in a tenant's home too, and goes on there.
    static func enter(
        _ home: String,
        _ schema: String,
        _ role: String,
        _ connection: PostgresConnection
    ) throws(PostgresError) {
        try connection.execute("SET LOCAL search_path TO \(Identifier.quoted(home))")
        try connection.query(
            .init(
                """
                INSERT INTO sql_reader (role, tenant, is_created)
                SELECT role, tenant, is_created FROM \(Identifier.quoted(schema)).sql_reader
                WHERE role = $1 ON CONFLICT DO NOTHING
                """
            ),
            [.text(role)]
        )
    }

    /// Takes a reader out of a tenant's home, and goes on there.
    static func leave(
        _ home: String,
        _ role: String,
        _ connection: PostgresConnection
    ) throws(PostgresError) {
        try connection.execute("SET LOCAL search_path TO \(Identifier.quoted(home))")
        try connection.query("DELETE FROM sql_reader WHERE role = $1", [.text(role)])
    }

    /// Renews what readers lost when views were dropped.
    static func grantAgain(_ connection: PostgresConnection) throws(PostgresError) {
        let readers = try connection.query(
            """
            SELECT rolname::text, current_schema()::text FROM pg_roles
            JOIN sql_reader ON role = rolname
            """
        )
        for reader in readers {
            try connection.execute(Self.grant(reader.text(0), schema: reader.text(1)))
        }
    }

    /// Finds the role, or makes it.
    static func makeSure(
        of role: String,
        schema: String,
        _ connection: PostgresConnection
    ) throws(Refusal) -> Origin {
        let found = try Self.asking { () throws(PostgresError) in
            try Self.find(role, connection)
        }
        if let isPrivileged = found {
            guard !isPrivileged else { throw .privileged(role) }
            let isOurs = try Self.asking { () throws(PostgresError) in
                try Self.note(on: role, connection) == Self.note(schema, connection)
            }
            return isOurs ? .madeBefore : .found
        }
        let mayCreate = try Self.asking { () throws(PostgresError) in
            try connection.query(
                "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).first?.bool(0)
        }
        guard mayCreate == true else { throw .missing(role) }
        try Self.asking { () throws(PostgresError) in
            let name = Identifier.quoted(role)
            let note = try Self.note(schema, connection).replacing("'", with: "''")
            try connection.execute(
                "CREATE ROLE \(name) LOGIN; COMMENT ON ROLE \(name) IS '\(note)'"
            )
        }
        return .made
    }

    /// Looks a role up.
    /// - Returns: whether it sees every tenant anyway; nil when there is no such role.
    static func find(
        _ role: String,
        _ connection: PostgresConnection
    ) throws(PostgresError) -> Bool? {
        try connection.query(
            """
            SELECT rolsuper OR pg_has_role(oid, current_user, 'MEMBER')
                OR has_table_privilege(oid, 'tenant'::regclass, 'SELECT')
            FROM pg_roles WHERE rolname = $1
            """,
            [.text(role)]
        ).first?.bool(0)
    }

    static func asking<R>(
        _ body: () throws(PostgresError) -> R
    ) throws(Refusal) -> R {
        do throws(PostgresError) {
            return try body()
        } catch {
            throw .database(error)
        }
    }

    /// Runs `body` in a transaction in the schema.
    static func transaction(
        _ connection: PostgresConnection,
        _ schema: String,
        _ body: () throws(Refusal) -> Void
    ) throws(Refusal) {
        try Self.asking { () throws(PostgresError) in
            try connection.execute(
                "BEGIN; SET LOCAL search_path TO \(Identifier.quoted(schema))"
            )
        }
        do throws(Refusal) {
            try body()
        } catch {
            // Whatever it answers, the first error is the one to tell.
            try? connection.execute("ROLLBACK")
            throw error
        }
        try Self.asking { () throws(PostgresError) in try connection.execute("COMMIT") }
    }
}
