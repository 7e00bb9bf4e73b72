import ByreCore
import SQLite
import SQLiteBackend
import Testing

@Suite struct SchemaTests {
    private let connection: Connection

    init() throws {
        self.connection = try Connection(path: ":memory:", access: .readWrite)
    }

    @Test func migrationsRunOnceAndInOrder() throws {
        let first = ["CREATE TABLE t (a INTEGER) STRICT"]
        try Schema.migrate(self.connection, through: first)
        #expect(try self.connection.integer("PRAGMA user_version") == 1)
        try self.connection.execute("INSERT INTO t VALUES (7)")

        let third =
            first + [
                "ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 1",
                "UPDATE t SET b = a + b",
            ]
        for _ in 1...2 {
            try Schema.migrate(self.connection, through: third)
            #expect(try self.connection.integer("PRAGMA user_version") == 3)
            #expect(try self.connection.integer("SELECT b FROM t") == 8)
        }
    }

    @Test func aFailedMigrationLeavesTheVersionBefore() throws {
        let first = ["CREATE TABLE t (a INTEGER) STRICT"]
        try Schema.migrate(self.connection, through: first)
        #expect(throws: SQLiteError.self) {
            try Schema.migrate(
                self.connection,
                through: first + ["ALTER TABLE t ADD COLUMN b INTEGER; SELECT missing"]
            )
        }
        #expect(!self.connection.isInTransaction)
        #expect(try self.connection.integer("PRAGMA user_version") == 1)
        #expect(throws: SQLiteError.self) { try self.connection.integer("SELECT b FROM t") }
    }

    @Test(arguments: [
        "UPDATE tenant SET state = 'gone'",
        "UPDATE tenant SET state = NULL",
        "UPDATE tenant SET uid = '00000000-0000-4000-8000-000000000000'",
        "UPDATE tenant SET revision = 0",
        "UPDATE tenant SET compact_revision = revision + 1",
        "UPDATE tenant SET name = ''",
        "UPDATE tenant SET cluster_id = 0",
        "UPDATE tenant SET prefix = 'text'",
        "INSERT INTO alarm VALUES (1, 1, 'FULL')",
        "INSERT INTO lease VALUES (1, 0, 60)",
        "INSERT INTO kv VALUES (1, 1, 2, 0, 2, 1, 0, 'text', x'')",
        "INSERT INTO kv VALUES (1, 1, 2, 0, 2, 1, 0, x'61', NULL)",
    ])
    func constraintsRefuse(_ sql: String) throws {
        try Schema.migrate(self.connection)
        try self.connection.execute(
            """
            INSERT INTO tenant (id, name, uid, prefix, revision, compact_revision, sequence,
                allocated_bytes, cluster_id, member_id)
            VALUES (1, 'a', '6f1de4a4-3c3e-4d1a-9d0c-3f2b7c1a9e55', x'2f', 1, -1, 0, 0, 1, 1)
            """
        )
        let error = #expect(throws: SQLiteError.self) { try self.connection.execute(sql) }
        #expect(error?.code.primary == .constraint)
    }

    @Test func liveKeysCanBeReadBySQL() throws {
        let directory = try TemporaryDirectory()
        let backend = try SQLiteBackend(directory: directory.path)
        var history = History()
        history.create(1, "one")
        history.create(2, "two")
        history.write(1, [("/a", [1, 2]), ("/b", [1])])
        history.write(2, [("/a", [])])
        history.write(1, [("/a", [1, 2, 3]), ("/b", nil)])
        try backend.commit(history.take())
        let connection = try Connection(path: backend.path, access: .readOnly)
        let keys = try connection.text(
            """
            SELECT group_concat(tenant || ':' || key || '@' || mod_revision || 'v' || version
                || '#' || value_size, ' ') FROM (SELECT * FROM live_key ORDER BY tenant, key)
            """
        )
        #expect(keys == "one:/a@3v2#3 two:/a@2v1#0")
        backend.close()
    }
}
