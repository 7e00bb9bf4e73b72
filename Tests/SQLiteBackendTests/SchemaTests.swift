import BackendTestKit
import ByreCore
import ByreTestKit
import Glibc
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

    /// What an ``OlderStore`` holds, in the columns that every version has.
    private static let content = """
        INSERT INTO tenant (id, name, uid, prefix, revision, compact_revision, sequence,
            allocated_bytes, cluster_id, member_id)
        VALUES (1, 'old', '00000000-0000-4000-8000-000000000001', x'2f6f6c642f', 2, -1, 1, 9, 3, 4);
        INSERT INTO kv VALUES (1, 1, 2, 0, 2, 1, 7, x'6b', x'76');
        INSERT INTO lease (tenant, id, ttl_seconds) VALUES (1, 7, 60)
        """

    @Test(arguments: 1..<Schema.migrations.count)
    func aStoreOfAnOlderVersionKeepsWhatItHolds(version: Int) throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/byre.db"
        do {
            close(creat(path, 0o600))
            let old = try Connection(path: path, access: .readWrite)
            try old.execute("PRAGMA journal_mode = WAL")
            try Schema.migrate(old, through: Array(Schema.migrations.prefix(version)))
            try old.execute(Self.content)
        }
        try OlderStore.expectKept(
            opening: { try SQLiteStore(path: path) },
            verifying: { try SQLiteStore.verify(path: path) }
        )
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
        "UPDATE tenant SET prefix = x'2f2f'",
        "UPDATE tenant SET quota_bytes = 0",
        "UPDATE tenant SET space_mode = 'loose'",
        "UPDATE tenant SET max_keys = -1",
        "UPDATE tenant SET compact_after_nanoseconds = 1, compact_keeping_revisions = 1",
        "UPDATE tenant SET generation = 0",
        "UPDATE tenant SET was_suspended = 1",
        "UPDATE tenant SET reclaim_at = '2030-01-01T00:00:00.000Z'",
        "UPDATE tenant SET erasing_since = '2030-01-01T00:00:00.000Z'",
        """
        UPDATE tenant SET state = 'deleting', erasing_since = '2030-01-01T00:00:00.000Z';
        UPDATE tenant SET state = 'active', erasing_since = NULL
        """,
        "INSERT INTO tenant_identity VALUES ('organization', 'x', 1)",
        "INSERT INTO tenant_identity VALUES ('common-name', '', 1)",
        """
        INSERT INTO tenant_identity VALUES ('common-name', 'x', 1);
        INSERT INTO tenant_identity VALUES ('common-name', 'x', 2)
        """,
        "INSERT INTO alarm VALUES (1, 1, 'FULL')",
        "INSERT INTO lease VALUES (1, 0, 60, 1)",
        "INSERT INTO lease VALUES (1, 1, 60, 0)",
        "INSERT INTO commit_time VALUES (1, 0)",
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

    /// A store as the first version left it goes on with the present one.
    @Test func aStoreOfTheFirstVersionIsUpgraded() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/byre.db"
        do {
            close(open(path, O_CREAT | O_RDWR, 0o600))
            let connection = try Connection(path: path, access: .readWrite)
            try connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            try Schema.migrate(connection, through: Array(Schema.migrations.prefix(1)))
            try connection.execute(
                """
                PRAGMA journal_mode = WAL;
                INSERT INTO tenant (id, name, uid, prefix, revision, compact_revision, sequence,
                    allocated_bytes, cluster_id, member_id, created_at)
                VALUES (1, 'default', '6f1de4a4-3c3e-4d1a-9d0c-3f2b7c1a9e55', x'2f612f', 2, -1, 1,
                    20480, 11, 12, '2023-11-14T22:13:20.123Z');
                INSERT INTO kv VALUES (1, 1, 2, 0, 2, 1, 0, x'61', x'01')
                """
            )
        }
        let backend = try SQLiteBackend(path: path)
        let recovered = try backend.recovered()
        backend.close()
        var definition = TenantDefinition(
            name: "default",
            uid: "6f1de4a4-3c3e-4d1a-9d0c-3f2b7c1a9e55",
            prefix: Bytes("/a/".utf8),
            createdAt: 1_700_000_000
        )
        definition.limits.spaceMode = .strict
        let tenant = try #require(recovered.tenants.first)
        #expect(tenant.definition == definition)
        #expect(tenant.record.revision == 2 && tenant.record.memberID == 12)
        #expect(recovered.rows.count == 1)
        #expect(try SQLiteBackend.verify(path: path) == [])
    }

    /// A view of another program's version is made anew; no version of the schema tells it.
    @Test func viewsAreMadeAnewAtStart() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/byre.db"
        try SQLiteBackend(path: path).close()
        do {
            let connection = try Connection(path: path, access: .readWrite)
            try connection.execute(
                "DROP VIEW live_key; CREATE VIEW live_key AS SELECT 1 AS other"
            )
        }
        let findings = try SQLiteBackend.verify(path: path).map(\.description)
        #expect(findings == ["warning: view live_key was altered"])
        try SQLiteBackend(path: path).close()
        #expect(try SQLiteBackend.verify(path: path) == [])
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
