import ByreCore
import ByreTestKit
import Postgres
import PostgresBackend
import Testing

@Suite struct RolesTests {
    private let store: FilledStore
    /// A login that an administrator has made.
    private let reader: String

    init() throws {
        self.store = try FilledStore()
        self.reader = "reader_\(self.store.fixture.database)"
        try self.store.fixture.cluster.run("CREATE ROLE \(self.reader) LOGIN")
        try self.store.put(FilledStore.acme, "/mine", [1], lease: 77)
        try self.store.put(FilledStore.other, "/theirs", Array("{\"a\":1}".utf8), lease: 78)
        try self.store.fixture.run(
            """
            INSERT INTO lease VALUES (1, 77, 60, '2040-01-01'), (2, 78, 60, '2040-01-01');
            INSERT INTO alarm VALUES (1, 1, 'NOSPACE'), (2, 2, 'NOSPACE');
            """
        )
    }

    private func create(_ role: String, for tenant: TenantID = FilledStore.acme) throws {
        let connection = try PostgresConnection(self.store.url(self.store.owner))
        try SQLReader.create(role, for: tenant, schema: "byre", on: connection)
    }

    private func drop(_ role: String) throws -> Bool {
        let connection = try PostgresConnection(self.store.url(self.store.owner))
        return try SQLReader.drop(role, schema: "byre", on: connection)
    }

    private func refusal(_ role: String, for tenant: TenantID) throws -> SQLReader.Refusal? {
        #expect(throws: SQLReader.Refusal.self) { try self.create(role, for: tenant) }
    }

    // MARK: What a reader sees

    @Test func aReaderSeesItsTenantInEveryView() throws {
        try self.create(self.reader)
        try self.create(self.reader)
        for view in ViewsTests.views {
            let query = "SELECT DISTINCT tenant FROM \(view)"
            #expect(try self.store.rows(query, as: self.reader) == ["(acme)"], "\(view)")
            #expect(try self.store.rows("\(query) ORDER BY 1") == ["(acme)", "(other)"], "\(view)")
            let others = "SELECT * FROM \(view) WHERE tenant = 'other'"
            #expect(try self.store.rows(others, as: self.reader) == [], "\(view)")
        }
    }

    @Test func aReaderHasNothingElse() throws {
        try self.create(self.reader)
        let relations = try self.store.rows(
            """
            SELECT relname FROM pg_class WHERE relnamespace = 'byre'::regnamespace
                AND relkind IN ('r', 'v', 'S', 'm', 'p') AND relname NOT IN
                ('\(ViewsTests.views.joined(separator: "', '"))')
            """
        ).map { $0.filter { $0 != "(" && $0 != ")" } }
        #expect(relations.contains("kv") && relations.contains("tenant"))
        #expect(relations.contains("sql_reader") && relations.contains("seen_tenant"))
        let connection = try self.store.connect(as: self.reader)
        for relation in relations {
            let error = #expect(throws: PostgresError.self) {
                try connection.query(PostgresStatement("SELECT * FROM \(relation)"))
            }
            #expect(error?.sqlState == "42501", "\(relation)")
        }
        for view in ViewsTests.views {
            for statement in ["DELETE FROM \(view)", "UPDATE \(view) SET tenant = 'x'"] {
                #expect(throws: PostgresError.self, "\(view)") {
                    try connection.execute(statement)
                }
            }
        }
        for statement in [
            "SET ROLE \(self.store.owner)", "SET SESSION AUTHORIZATION \(self.store.owner)",
            "CREATE TABLE byre.t (a int)",
            "CREATE FUNCTION byre.f() RETURNS int LANGUAGE sql AS '1'",
            "ALTER VIEW live_key RESET (security_barrier)",
            "COPY kv TO STDOUT", "TRUNCATE kv", "LOCK TABLE kv",
        ] {
            let own = try self.store.connect(as: self.reader)
            #expect(throws: PostgresError.self, "\(statement)") { try own.execute(statement) }
        }
    }

    @Test func aConditionOfAReadersOwnIsNotAskedOfOthersRows() throws {
        try self.create(self.reader)
        let connection = try self.store.connect(as: self.reader)
        // It costs next to nothing, so that the planner would ask it first if it might.
        try connection.execute(
            """
            CREATE FUNCTION pg_temp.leak(seen text) RETURNS boolean COST 0.0000001
                LANGUAGE plpgsql AS $body$
            BEGIN
                IF seen LIKE '%other%' OR seen LIKE '%theirs%' OR seen LIKE '%4e%' THEN
                    RAISE 'leaked';
                END IF;
                RETURN true;
            END $body$
            """
        )
        for view in ViewsTests.views {
            let rows = try connection.query(
                PostgresStatement("SELECT * FROM \(view) AS v WHERE pg_temp.leak(v::text)")
            )
            #expect(rows.count >= 1, "\(view)")
            let names = try connection.query(
                PostgresStatement("SELECT 1 FROM \(view) WHERE pg_temp.leak(tenant)")
            )
            #expect(names.count == rows.count, "\(view)")
        }
    }

    @Test(arguments: ["key_history", "live_key", "tenant_usage", "busiest_prefix", "lease_usage"])
    func aReaderDoesNotPassByTheRowsOfOthers(view: String) throws {
        try self.create(self.reader)
        try self.store.fixture.run(
            """
            INSERT INTO kv SELECT row + i, tenant, mod_revision + i, 0, i, 1, 0, key || 'x', value
            FROM kv, generate_series(1, 20000) AS i WHERE tenant = 2;
            UPDATE tenant SET revision = 30000 WHERE id = 2;
            ANALYZE kv;
            """
        )
        let plan = try self.store.connect(as: self.reader)
            .query(PostgresStatement("EXPLAIN SELECT * FROM \(view)")).map { $0.text(0) }
        #expect(plan.contains { $0.contains("Index") && $0.contains(" on kv") }, "\(plan)")
        #expect(!plan.contains { $0.contains("Seq Scan on kv") }, "\(plan)")
    }

    @Test func aMemberOfAReaderSeesWhatItSeesAndAStrangerNothing() throws {
        try self.create(self.reader)
        let person = "person_\(self.store.fixture.database)"
        try self.store.fixture.cluster.run("CREATE ROLE \(person) LOGIN")
        let query = "SELECT DISTINCT tenant FROM live_key"
        #expect(throws: PostgresError.self) { try self.store.rows(query, as: person) }
        try self.store.fixture.cluster.run("GRANT \(self.reader) TO \(person)")
        #expect(try self.store.rows(query, as: person) == ["(acme)"])
    }

    @Test func twoReadersOfOneTenantAndOneOfAnotherDoNotMix() throws {
        let (second, third) = ("second_\(self.reader)", "third_\(self.reader)")
        try self.store.fixture.cluster.run(
            "CREATE ROLE \(second) LOGIN; CREATE ROLE \(third) LOGIN"
        )
        try self.create(self.reader)
        try self.create(second)
        try self.create(third, for: FilledStore.other)
        let query = "SELECT tenant, key FROM live_key"
        #expect(try self.store.rows(query, as: self.reader) == ["(acme,/mine)"])
        #expect(try self.store.rows(query, as: second) == ["(acme,/mine)"])
        #expect(try self.store.rows(query, as: third) == ["(other,/theirs)"])
        let connection = try PostgresConnection(self.store.url(self.store.owner))
        let readers = try SQLReader.all(of: FilledStore.acme, schema: "byre", on: connection)
        #expect(readers == [FilledStore.acme: [self.reader, second]])
        #expect(
            try SQLReader.all(of: nil, schema: "byre", on: connection)
                == [FilledStore.acme: [self.reader, second], FilledStore.other: [third]]
        )
    }

    // MARK: Making and dropping them

    @Test func aDroppedReaderSeesNothingAndItsRoleCanGo() throws {
        try self.create(self.reader)
        #expect(try self.drop(self.reader))
        #expect(throws: PostgresError.self) {
            try self.store.rows("SELECT * FROM live_key", as: self.reader)
        }
        #expect(!(try self.drop(self.reader)))
        try self.store.fixture.cluster.run("DROP ROLE \(self.reader)")
        #expect(!(try self.drop(self.reader)))
    }

    @Test func aBackendGivesATenantExactlyTheReadersThatAreAskedFor() throws {
        let backend = try PostgresBackend(url: self.store.url(self.store.owner))
        defer { backend.close() }
        let readers = try #require(backend.sqlReaders)
        let second = "second_\(self.reader)"
        try self.store.fixture.cluster.run("CREATE ROLE \(second) LOGIN")
        for (roles, isChanged) in [
            ([self.reader, second], true), ([second, self.reader], false), ([second], true),
            ([], true), ([], false),
        ] {
            #expect(try readers.set(Set(roles), verifiers: [:], of: FilledStore.acme) == isChanged)
            #expect(try readers.readers(of: FilledStore.acme).map(\.name) == roles.sorted())
            let present = try readers.roles(of: FilledStore.acme)
            #expect(present[FilledStore.acme, default: []] == roles.sorted())
            for role in [self.reader, second] {
                let keys = try? self.store.rows("SELECT key FROM live_key", as: role)
                #expect(keys == (roles.contains(role) ? ["(/mine)"] : nil))
            }
        }
        for (role, tenant, expected) in [
            ("nobody", FilledStore.acme, "PostgreSQL has no role nobody"),
            ("", FilledStore.acme, "is not a name"), ("postgres", FilledStore.acme, "sees every"),
            (self.reader, TenantID(rawValue: 9), "the tenant is gone"),
        ] {
            let error = #expect(throws: SQLReadersError.self) {
                try readers.set([role], verifiers: [:], of: tenant)
            }
            #expect("\(error, default: "")".contains(expected))
        }
    }

    @Test func aTenantThatIsGoneTakesItsReadersAlong() throws {
        try self.create(self.reader)
        try self.store.fixture.run("DELETE FROM alarm; DELETE FROM tenant WHERE id = 1")
        #expect(try self.store.rows("SELECT * FROM tenant_usage", as: self.reader) == [])
    }

    @Test func aReaderKeepsItsGrantsWhenAViewIsMadeAnew() throws {
        try self.create(self.reader)
        let connection = try self.store.connect(as: self.store.owner)
        try connection.execute(
            "DROP VIEW busiest_prefix; CREATE VIEW busiest_prefix AS SELECT 1 AS one"
        )
        try self.store.reopen()
        let query = "SELECT tenant FROM busiest_prefix"
        #expect(try self.store.rows(query, as: self.reader) == ["(acme)"])
    }

    @Test func aRoleThatIsMissingIsMadeIfThatIsAllowed() throws {
        let role = "new \"role\"; of \(self.store.fixture.database)"
        #expect(try self.refusal(role, for: FilledStore.acme) == .missing(role))
        try self.store.fixture.cluster.run("ALTER ROLE \(self.store.owner) CREATEROLE")
        try self.create(role)
        let quoted = "\"\(role.replacing("\"", with: "\"\""))\""
        let connection = try self.store.connect(as: "postgres")
        try connection.execute("SET ROLE \(quoted)")
        #expect(try connection.query("SELECT key FROM live_key").map { $0.text(0) } == ["/mine"])
        connection.close()
        #expect(try self.drop(role))
        #expect(try self.store.rows("SELECT 1 FROM pg_roles WHERE rolname = $$\(role)$$") == [])
    }

    @Test func whatCannotBeAReaderIsRefused() throws {
        for name in ["", "pg_reader", "public", String(repeating: "a", count: 64), "a\0b"] {
            #expect(try self.refusal(name, for: FilledStore.acme) == .name(name))
        }
        #expect(
            try self.refusal("postgres", for: FilledStore.acme) == .privileged("postgres")
        )
        #expect(
            try self.refusal(self.store.owner, for: FilledStore.acme)
                == .privileged(self.store.owner)
        )
        #expect(try self.refusal(self.reader, for: TenantID(rawValue: 99)) == .noTenant)
        try self.create(self.reader)
        #expect(try self.refusal(self.reader, for: FilledStore.other) == .taken(self.reader))
        let query = "SELECT DISTINCT tenant FROM live_key"
        #expect(try self.store.rows(query, as: self.reader) == ["(acme)"])
    }

    // MARK: Passwords

    private static let verifier: String = {
        let key = String(repeating: "A", count: 43) + "="
        return "SCRAM-SHA-256$4096:c2FsdA==$\(key):\(key)"
    }()

    /// The password that PostgreSQL has for a role.
    private func password(_ role: String) throws -> String {
        let connection = try self.store.connect(as: "postgres")
        return try connection.query(
            "SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = $1",
            [.text(role)]
        ).first?.text(0) ?? "no role"
    }

    @Test func aRoleThatByreDidNotMakeGetsNeitherPasswordNorGrants() throws {
        try self.store.fixture.cluster.run("ALTER ROLE \(self.store.owner) CREATEROLE")
        let backend = try PostgresBackend(url: self.store.url(self.store.owner))
        defer { backend.close() }
        let readers = try #require(backend.sqlReaders)
        func set(_ role: String) throws -> Bool {
            try readers.set([role], verifiers: [role: Self.verifier], of: FilledStore.acme)
        }
        let error = #expect(throws: SQLReadersError.self) { try set(self.reader) }
        #expect("\(error, default: "")".contains("was not made by this store"))
        #expect(try self.password(self.reader) == "")
        #expect(try readers.roles(of: nil) == [:])
        // Another store's, which it says itself.
        try self.store.fixture.cluster.run(
            """
            COMMENT ON ROLE \(self.reader) IS 'reads a tenant of Byre: database x, schema byre';
            GRANT \(self.reader) TO \(self.store.owner) WITH ADMIN OPTION
            """
        )
        #expect(throws: SQLReadersError.self) { try set(self.reader) }
        // An administrator has given it away.
        try self.store.fixture.cluster.run("COMMENT ON ROLE \(self.reader) IS NULL")
        #expect(try set(self.reader))
        #expect(try self.password(self.reader) == Self.verifier)
        // Its own, also when the tenant that it was made for is gone.
        let made = "made_\(self.reader)"
        #expect(try set(made))
        #expect(try set(made))
        try self.store.fixture.run("DELETE FROM sql_reader")
        #expect(try set(made))
        #expect(try self.password(made) == Self.verifier)
        #expect(try readers.readers(of: FilledStore.acme).map(\.name) == [made])
        #expect(try readers.readers(of: FilledStore.acme).first?.verifierDigest != nil)
        #expect(try readers.set([], verifiers: [:], of: FilledStore.acme))
        #expect(try self.password(made) == "no role")
    }
}
