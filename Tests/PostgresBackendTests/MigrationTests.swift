import BackendTestKit
import ByreCore
import Dispatch
import Postgres
import PostgresBackend
import Synchronization
import Testing

@Suite struct MigrationTests {
    private let store: StoreFixture

    init() throws {
        self.store = try StoreFixture()
    }

    @Test func instancesThatStartTogetherMakeOneStore() throws {
        let failures = Mutex<[String]>([])
        let store = self.store
        DispatchQueue.concurrentPerform(iterations: 6) { _ in
            do {
                let backend = try store.open()
                #expect(try backend.recovered() == Recovered())
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(try store.run("SELECT schema_version FROM store") == "\(Schema.version)")
        #expect(try PostgresBackend.verify(url: store.url) == [])
    }

    @Test func migrationsRunOnceAndInOrder() throws {
        let address = try StoreAddress(self.store.url)
        let connection = try self.store.connect()
        try Schema.migrate(connection, address)
        let later =
            Schema.migrations + [
                "ALTER TABLE store ADD COLUMN later bigint NOT NULL DEFAULT 1",
                "UPDATE store SET later = later + 1",
            ]
        for _ in 1...2 {
            try Schema.migrate(connection, address, through: later)
            #expect(try self.store.run("SELECT later FROM store") == "2")
        }
    }

    /// What an ``OlderStore`` holds, in the columns that every version has.
    private static let content = """
        INSERT INTO tenant (id, name, uid, prefix, revision, compact_revision, sequence, last_row,
            allocated_bytes, cluster_id, member_id)
        VALUES (1, 'old', '00000000-0000-4000-8000-000000000001', '/old/', 2, -1, 1,
            (1::bigint << \(RowID.tenantBits)) + 1, 9, 3, 4);
        INSERT INTO kv VALUES ((1::bigint << \(RowID.tenantBits)) + 1, 1, 2, 0, 2, 1, 7, 'k', 'v');
        INSERT INTO lease (tenant, id, ttl_seconds, expires_at) VALUES (1, 7, 60, now());
        UPDATE store SET next_tenant = 2;
        """

    @Test(arguments: 1..<Schema.migrations.count)
    func aStoreOfAnOlderVersionKeepsWhatItHolds(version: Int) throws {
        try self.store.run(
            """
            CREATE SCHEMA byre;
            \(Schema.migrations.prefix(version).joined(separator: "\n"))
            INSERT INTO store (id, schema_version) VALUES (1, \(version));
            \(Self.content)
            """
        )
        try OlderStore.expectKept(
            opening: { try self.store.open() },
            verifying: { try PostgresBackend.verify(url: self.store.url) }
        )
    }

    @Test func aFailedMigrationLeavesTheVersionBefore() throws {
        let address = try StoreAddress(self.store.url)
        let connection = try self.store.connect()
        try Schema.migrate(connection, address)
        #expect(throws: StoreError.self) {
            try Schema.migrate(
                connection,
                address,
                through: Schema.migrations + ["CREATE TABLE extra (a bigint); SELECT missing"]
            )
        }
        #expect(!connection.isInTransaction)
        #expect(try PostgresBackend.verify(url: self.store.url) == [])
    }

    @Test func aNewerStoreIsRefusedAndLeftAsItIs() throws {
        try self.store.open().close()
        try self.store.run("UPDATE store SET schema_version = 99")
        for attempt in [
            { _ = try self.store.open() },
            { _ = try PostgresBackend.verify(url: self.store.url) },
        ] as [() throws -> Void] {
            let error = #expect(throws: StoreError.self) { try attempt() }
            guard case .newer(let path, 99, Schema.version) = error else {
                Issue.record("told as \(String(describing: error))")
                continue
            }
            #expect(path.hasSuffix("schema byre"))
        }
        #expect(try self.store.run("SELECT schema_version FROM store") == "99")
    }

    @Test func aSchemaWithOtherTablesIsRefused() throws {
        try self.store.run("CREATE SCHEMA byre; CREATE TABLE byre.note (text text)")
        let error = #expect(throws: StoreError.self) { try self.store.open() }
        guard case .foreign = error else {
            Issue.record("told as \(String(describing: error))")
            return
        }
    }

    @Test func anEmptySchemaMadeByAnAdministratorIsTaken() throws {
        try self.store.run("CREATE SCHEMA byre")
        #expect(try self.store.open().recovered() == Recovered())
    }

    @Test func schemasAreStoresOfTheirOwn() throws {
        var history = History(numbering: .tenant)
        let one = try PostgresBackend(url: self.store.url)
        let other = try PostgresBackend(url: self.store.url + "?schema=dedicated")
        history.create(1, "default")
        try one.commit(history.take())
        #expect(try one.recovered() == history.expected)
        #expect(try other.recovered() == Recovered())
    }

    @Test func aServerThatIsNotThereIsToldWithoutSecrets() throws {
        let url = "postgresql://byre:secret@127.0.0.1:1/x?schema=tenants&connect_timeout=2"
        let error = #expect(throws: StoreError.self) { try PostgresBackend(url: url) }
        let text = try #require(error).description
        #expect(text.contains("127.0.0.1:1/x schema tenants") && !text.contains("secret"))
    }

    @Test(arguments: [
        ("postgresql://h/d", "postgresql://h/d", "byre", false),
        ("postgresql://h/d?schema=x_1", "postgresql://h/d", "x_1", false),
        (
            "postgresql://h/d?sslmode=require&schema=x&pooled=true&a=b=c",
            "postgresql://h/d?sslmode=require&a=b=c", "x", true
        ),
    ])
    func anAddressIsRead(_ url: String, _ rest: String, _ schema: String, _ isPooled: Bool) throws {
        let address = try StoreAddress(url)
        #expect(address.url == rest && address.schema == schema && address.isPooled == isPooled)
    }

    @Test(arguments: [
        "schema=", "schema=Byre", "schema=pg_x", "schema=1x", "schema=a%20b", "pooled=yes",
        "schema=\(String(repeating: "x", count: 51))",
    ])
    func anAddressIsRefused(_ settings: String) {
        let error = #expect(throws: StoreError.self) {
            try StoreAddress("postgresql://u:secret@h/d?\(settings)")
        }
        #expect(error?.description.contains("secret") == false)
    }
}
