import Postgres

extension Views {
    /// Makes the views of a schema that are missing or other than these, in one transaction.
    ///
    /// What has been granted on a view stays when it is replaced. One whose columns are other ones
    /// is dropped first; views of others that stand on it make that fail. Readers are granted those that
    /// are new.
    static func bringUpToDate(
        _ connection: PostgresConnection,
        schema: String
    ) throws(PostgresError) {
        guard try !Self.areUpToDate(connection, schema) else { return }
        try connection.execute("BEGIN")
        do throws(PostgresError) {
            try connection.query(
                "SELECT pg_advisory_xact_lock($1)",
                [.int8(Schema.lockKey(schema))]
            )
            try connection.execute("SET LOCAL search_path TO \(Identifier.quoted(schema))")
            try connection.execute(Self.functions)
            try Self.replaceAll(connection)
            try connection.execute("COMMIT")
        } catch {
            // Whatever it answers, the first error is the one to tell.
            try? connection.execute("ROLLBACK")
            throw error
        }
    }

    /// Makes the views in the schema that is the search path, which has none.
    static func makeAll(_ connection: PostgresConnection) throws(PostgresError) {
        try connection.execute(Self.functions)
        for view in Self.all { try connection.execute(Self.create(view)) }
    }

    private static func replaceAll(_ connection: PostgresConnection) throws(PostgresError) {
        try connection.execute("SAVEPOINT replacing")
        do throws(PostgresError) {
            for view in Self.all { try connection.execute(Self.create(view)) }
        } catch {
            // The columns are other ones.
            guard error.sqlState == "42P16" else { throw error }
            try connection.execute("ROLLBACK TO SAVEPOINT replacing")
            for view in Self.all.reversed() {
                try connection.execute("DROP VIEW IF EXISTS \(view.name)")
            }
            for view in Self.all { try connection.execute(Self.create(view)) }
        }
        try SQLReader.grantAgain(connection)
    }

    private static func create(_ view: View) -> String {
        """
        CREATE OR REPLACE VIEW \(view.name) WITH (security_barrier) AS \(view.query);
        COMMENT ON VIEW \(view.name) IS '\(Self.comment(view))'
        """
    }

    /// What `\\d+` shows; its end tells whether the view is as this program has it.
    private static func comment(_ view: View) -> String {
        let definition = UInt64(bitPattern: Schema.lockKey(Self.functions + view.query))
        return "\(view.comment) (\(String(definition, radix: 36)))"
    }

    private static func areUpToDate(
        _ connection: PostgresConnection,
        _ schema: String
    ) throws(PostgresError) -> Bool {
        var present: [String: String] = [:]
        try connection.query(
            """
            SELECT relname::text, obj_description(pg_class.oid, 'pg_class') FROM pg_class
            JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname = $1 AND relkind = 'v'
            """,
            [.text(schema)]
        ) { present[$0.text(0)] = $0.text(1) }
        return Self.all.allSatisfy { present[$0.name] == Self.comment($0) }
    }
}

/// A name of PostgreSQL's, as it is written in a statement.
enum Identifier {
    static func quoted(_ name: String) -> String {
        "\"\(name.replacing("\"", with: "\"\""))\""
    }
}
