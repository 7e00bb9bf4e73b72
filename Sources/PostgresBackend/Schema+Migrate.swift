package import ByreCore
package import Postgres

extension Schema {
    /// Makes the store, or brings it from whatever version it has to the present one.
    ///
    /// One transaction under an advisory lock, so that of several processes that start together one
    /// does it and the others find it done.
    /// - Throws: ``StoreError/newer(path:version:known:)`` for a version that this program does not
    ///   know, and ``StoreError/foreign(path:what:)`` for a schema with other tables in it.
    package static func migrate(
        _ connection: PostgresConnection,
        _ address: StoreAddress,
        through migrations: [String] = Self.migrations
    ) throws(StoreError) {
        do throws(PostgresError) {
            let found = try Self.storedVersion(connection, address)
            if let found, found == migrations.count {
                try Views.bringUpToDate(connection, schema: address.schema)
                return
            }
        } catch {
            throw StoreError(address, error)
        }
        var refusal: StoreError?
        do throws(PostgresError) {
            try connection.execute("BEGIN")
            try connection.query(
                "SELECT pg_advisory_xact_lock($1)",
                [.int8(Self.lockKey(address.schema))]
            )
            // Another process may have done it meanwhile.
            let present = try Self.storedVersion(connection, address)
            if let present, present > migrations.count {
                refusal = .newer(
                    path: String(describing: address),
                    version: present,
                    known: Int64(migrations.count)
                )
            } else if present == nil, try Self.hasTables(connection, address) {
                refusal = .foreign(
                    path: String(describing: address),
                    what: "the schema has other tables"
                )
            } else {
                try Self.apply(migrations, from: present, connection, address)
            }
            try connection.execute(refusal == nil ? "COMMIT" : "ROLLBACK")
            if refusal == nil { try Views.bringUpToDate(connection, schema: address.schema) }
        } catch {
            if connection.isInTransaction {
                // Whatever it answers, the first error is the one to tell.
                try? connection.execute("ROLLBACK")
            }
            throw StoreError(address, error)
        }
        if let refusal { throw refusal }
    }

    private static func apply(
        _ migrations: [String],
        from present: Int64?,
        _ connection: PostgresConnection,
        _ address: StoreAddress
    ) throws(PostgresError) {
        if present == nil, try !Self.hasSchema(connection, address) {
            try connection.execute("CREATE SCHEMA \"\(address.schema)\"")
        }
        try connection.execute("SET LOCAL search_path TO \"\(address.schema)\"")
        for migration in migrations.dropFirst(Int(present ?? 0)) {
            try connection.execute(migration)
        }
        try connection.execute(
            """
            INSERT INTO store (id, schema_version) VALUES (1, \(migrations.count))
            ON CONFLICT (id) DO UPDATE SET schema_version = excluded.schema_version
            """
        )
    }

    /// The version of the store; nil when there is none.
    package static func storedVersion(
        _ connection: PostgresConnection,
        _ address: StoreAddress
    ) throws(PostgresError) -> Int64? {
        // From the catalog itself: what `to_regclass` has seen to be missing it may take for missing
        // still, after a wait for the lock.
        let isThere = try connection.query(
            """
            SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname = $1 AND relname = 'store'
            """,
            [.text(address.schema)]
        )
        guard !isThere.isEmpty else { return nil }
        let version = try connection.query(
            PostgresStatement("SELECT schema_version FROM \"\(address.schema)\".store")
        )
        return version.first?.int64(0)
    }

    private static func hasSchema(
        _ connection: PostgresConnection,
        _ address: StoreAddress
    ) throws(PostgresError) -> Bool {
        let found = try connection.query(
            "SELECT 1 FROM pg_namespace WHERE nspname = $1",
            [.text(address.schema)]
        )
        return !found.isEmpty
    }

    private static func hasTables(
        _ connection: PostgresConnection,
        _ address: StoreAddress
    ) throws(PostgresError) -> Bool {
        let found = try connection.query(
            """
            SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname = $1 LIMIT 1
            """,
            [.text(address.schema)]
        )
        return !found.isEmpty
    }

    /// The key of the advisory lock under which a schema is migrated: a hash of its name.
    /// - Source: FNV-1a, 64 bits, <https://www.rfc-editor.org/rfc/rfc9923>
    static func lockKey(_ schema: String) -> Int64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in "byre.\(schema)".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        return Int64(bitPattern: hash)
    }
}
