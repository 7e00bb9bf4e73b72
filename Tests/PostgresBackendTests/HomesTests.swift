import BackendTestKit
import ByreCore
import ByreTestKit
import Postgres
import Testing

@testable import PostgresBackend

/// Dedicated tenants: a schema for each, which is a store by itself.
@Suite struct HomesTests {
    private let fixture: StoreFixture

    init() throws {
        self.fixture = try StoreFixture()
    }

    /// But for one: what is left of a tenant that is being erased is not looked at, since it goes with
    /// its schema.
    private static let promises = BackendContract.promises.filter {
        $0.testDescription != "anErasedTenantIsGoneAndNoOther"
    }

    /// The contract of backends, kept where every tenant has a schema of its own.
    @Test(arguments: HomesTests.promises)
    func keeps(_ promise: BackendContract.Promise) throws {
        let contract = BackendContract(numbering: .tenant, isExclusive: false) { [fixture] in
            DedicatingBackend(try fixture.open()) { "byre_" + $0.uid.replacing("-", with: "_") }
        }
        try contract.keeps(promise)
    }

    private static func definition(_ number: Int, name: String? = nil) -> TenantDefinition {
        var definition = TenantDefinition.numbered(number, name: name)
        definition.isolation = .dedicated
        return definition
    }

    /// Creates a tenant as the engine does.
    /// - Returns: its home.
    @discardableResult
    private static func create(
        _ wanted: TenantDefinition,
        in store: PostgresBackend
    ) throws -> String {
        var plan = CommitPlan()
        plan.registryVersion = -1
        let start = try store.begin(plan)
        defer { store.abandon() }
        var definition = wanted
        let home = try store.chooseHome(for: definition)
        definition.home = home
        let id = start.registry?.nextID ?? TenantID(rawValue: 1)
        var batch = CommitBatch()
        batch.registry = [.create(TenantRecord(id: id, uid: definition.uid), definition)]
        try store.commit(batch)
        return home
    }

    private func schemas() throws -> [String] {
        try self.fixture.run(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'byre%' ORDER BY 1"
        ).split(separator: "\n").map(String.init)
    }

    @Test func aSchemaComesAndGoesWithItsTenant() throws {
        let store = try self.fixture.open()
        #expect(try Self.create(Self.definition(1, name: "a-b"), in: store) == "byre_a_b")
        #expect(try self.schemas() == ["byre", "byre_a_b"])
        var definition = Self.definition(1, name: "a-b")
        definition.home = "byre_a_b"
        definition.delete(reclaimAt: 1_700_000_001)
        let id = TenantID(rawValue: 1)
        for change: RegistryChange in [.define(id, definition), .beginErasing(id)] {
            var batch = CommitBatch()
            batch.registry = [change]
            try store.commit(batch)
            #expect(try self.schemas() == ["byre", "byre_a_b"])
        }
        var batch = CommitBatch()
        batch.registry = [.erase(id)]
        try store.commit(batch)
        #expect(try self.schemas() == ["byre"])
        store.close()
    }

    @Test func aLongNameIsCutAndStaysItsOwn() throws {
        let store = try self.fixture.open()
        let name = String(repeating: "x", count: 63)
        let definition = Self.definition(1, name: name)
        let home = try Self.create(definition, in: store)
        #expect(home == "byre_" + name.prefix(36) + "_" + definition.uid.prefix(8))
        #expect(home.utf8.count == StoreAddress.schemaBytesMax)
        store.close()
        // One that can be served by itself.
        #expect(throws: Never.self) { try StoreAddress("postgresql://h/d?schema=\(home)") }
    }

    @Test(arguments: [
        "CREATE TABLE byre_t1.mine (n int)",
        "CREATE TABLE byre_t1.store (id int)",
        "CREATE FUNCTION byre_t1.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TYPE byre_t1.mine AS ENUM ('a')",
    ])
    func aSchemaOfSomebodyElseIsNotTaken(_ content: String) throws {
        let store = try self.fixture.open()
        try self.fixture.run("CREATE SCHEMA byre_t1; \(content)")
        #expect(throws: HomeRefusal.self) { try Self.create(Self.definition(1), in: store) }
        try self.fixture.run("DROP SCHEMA byre_t1 CASCADE; CREATE SCHEMA byre_t1")
        #expect(try Self.create(Self.definition(1), in: store) == "byre_t1")
        store.close()
    }

    @Test func aSchemaThatCouldNotBeDroppedIsNotTaken() throws {
        try self.fixture.open().close()
        let role = "byre_\(self.fixture.database)"
        try self.fixture.run(
            """
            CREATE ROLE \(role) LOGIN; GRANT CREATE ON DATABASE \(self.fixture.database) TO \(role);
            CREATE SCHEMA byre_t1; GRANT ALL ON SCHEMA byre_t1 TO \(role);
            CREATE SCHEMA byre_t2 AUTHORIZATION \(role)
            """
        )
        let connection = try self.fixture.connect()
        try connection.execute("SET ROLE \(role)")
        for (home, isTaken) in [("byre_t1", false), ("byre_t2", true)] {
            let standing = try Home.standing(of: home, in: "byre", connection)
            let isEmpty = if case .empty = standing { true } else { false }
            #expect(isEmpty == isTaken)
        }
    }

    @Test func aHomeIsNotServedBesideItsStore() throws {
        let store = try self.fixture.open()
        try Self.create(Self.definition(1), in: store)
        let error = #expect(throws: StoreError.self) {
            _ = try PostgresBackend(url: self.fixture.url(schema: "byre_t1"))
        }
        #expect(error?.description.contains("in use by the store in schema byre") == true)
        store.close()
        // Once that is gone, it is a store like any other.
        try self.fixture.run("DROP SCHEMA byre CASCADE")
        let alone = try PostgresBackend(url: self.fixture.url(schema: "byre_t1"))
        #expect(try alone.recovered().tenants.map(\.definition) == [Self.definition(1)])
        alone.close()
        #expect(
            try PostgresBackend.verify(url: self.fixture.url(schema: "byre_t1"))
                .filter { $0.severity == .error } == []
        )
    }

    @Test func whatIsMissingIsFoundAndNamed() throws {
        let store = try self.fixture.open()
        try Self.create(Self.definition(1), in: store)
        store.close()
        #expect(try PostgresBackend.verify(url: self.fixture.url) == [])
        try self.fixture.run("UPDATE byre_t1.tenant SET revision = 7")
        #expect(
            try PostgresBackend.verify(url: self.fixture.url).contains {
                $0.message.contains("the commit point differs in schema byre_t1")
            }
        )
        try self.fixture.run("DROP SCHEMA byre_t1 CASCADE")
        #expect(
            try PostgresBackend.verify(url: self.fixture.url).contains {
                $0.message.contains("schema byre_t1 is not there")
            }
        )
        let error = #expect(throws: StoreError.self) { _ = try self.fixture.open() }
        #expect(error?.description.contains("tenant t1") == true)
    }
}
