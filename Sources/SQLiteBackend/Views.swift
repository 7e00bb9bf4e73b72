import SQLite

/// The views through which people read a store.
///
/// Not a part of the schema's versions: they hold nothing, so each start makes those anew that are
/// not as this program has them.
enum Views {
    /// In the order in which they need one another.
    static let all: [(name: String, sql: String)] = [
        (name: "live_key", sql: Self.liveKey)
    ]

    private static let liveKey = """
        CREATE VIEW live_key AS
        SELECT tenant.name AS tenant, CAST(kv.key AS TEXT) AS key, kv.mod_revision,
            kv.create_revision, kv.version, kv.lease, length(kv.value) AS value_size, kv.row
        FROM (SELECT max(row) AS row FROM kv GROUP BY tenant, key) AS newest
        JOIN kv ON kv.row = newest.row
        JOIN tenant ON tenant.id = kv.tenant
        WHERE kv.version > 0 AND kv.mod_revision <= tenant.revision
        """

    /// Makes the views that are missing or other than these, in one transaction.
    static func bringUpToDate(_ connection: Connection) throws(SQLiteError) {
        var present: [String: String] = [:]
        let statement = try Statement(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'view'",
            on: connection
        )
        while try statement.step() { present[statement.text(0)] = statement.text(1) }
        statement.reset()
        guard Self.all.contains(where: { present[$0.name] != $0.sql }) else { return }
        try connection.execute("BEGIN IMMEDIATE")
        do {
            for view in Self.all.reversed() {
                try connection.execute("DROP VIEW IF EXISTS \(view.name)")
            }
            for view in Self.all { try connection.execute(view.sql) }
            try connection.execute("COMMIT")
        } catch {
            // Whatever it answers, the first error is the one to tell.
            try? connection.execute("ROLLBACK")
            throw error
        }
    }
}
