import ByreCore
import Postgres
import PostgresBackend
import Testing

@Suite struct ViewsTests {
    private let store: FilledStore

    init() throws {
        self.store = try FilledStore()
    }

    static let views = [
        "key_history", "live_key", "tenant_usage", "largest_prefix", "busiest_prefix",
        "write_rate", "lease_usage",
    ]

    /// A value as Kubernetes stores it in protobuf.
    private static func kubernetes(_ apiVersion: String, _ kind: String) -> [UInt8] {
        let fields =
            [10, UInt8(apiVersion.utf8.count)] + Array(apiVersion.utf8)
            + [18, UInt8(kind.utf8.count)] + Array(kind.utf8)
        return Array("k8s\0".utf8) + [10, UInt8(fields.count)] + fields + [0x12, 1, 0, 255]
    }

    @Test(arguments: [
        ("/registry/pods/ns/a", kubernetes("v1", "Pod"), "(\"\",pods,ns,a,v1,Pod)"),
        ("/registry/minions/n.1", kubernetes("v1", "Node"), "(\"\",minions,,n.1,v1,Node)"),
        (
            "/registry/services/endpoints/ns/a", kubernetes("v1", "Endpoints"),
            "(\"\",services/endpoints,ns,a,v1,Endpoints)"
        ),
        (
            "/registry/apiregistration.k8s.io/apiservices/v1.apps",
            Array(#"{"kind":"APIService","apiVersion":"apiregistration.k8s.io/v1"}"#.utf8),
            "(apiregistration.k8s.io,apiservices,,v1.apps,apiregistration.k8s.io/v1,APIService)"
        ),
        (
            "/registry/clusterroles/system:a.b", kubernetes("rbac.authorization.k8s.io/v1", "C"),
            "(\"\",clusterroles,,system:a.b,rbac.authorization.k8s.io/v1,C)"
        ),
        ("/registry/broken/a/b", Array(#"{"kind":"#.utf8), "(\"\",broken,a,b,,)"),
        (
            "/registry/short/a/b", Array("k8s\0".utf8) + [10, 127, 10, 127] + Array("v1".utf8),
            "(\"\",short,a,b,v1,\"\")"
        ),
        ("/registry/health", [], "(,,,,,)"),
        ("compact_rev_key", [255, 0], "(,,,,,)"),
        ("/a/b/c/d/e", Array("[1]".utf8), "(,,,,,)"),
    ])
    func whatIsReadFromAKeyAndItsValue(key: String, value: [UInt8], expected: String) throws {
        try self.store.put(FilledStore.acme, key, value)
        let columns = "api_group, resource, namespace, name, api_version, kind"
        for view in ["live_key", "key_history"] {
            #expect(try self.store.rows("SELECT \(columns) FROM \(view)") == [expected])
        }
    }

    @Test func noBytesMakeAViewFail() throws {
        var values: [[UInt8]] = [
            Array(#"{"a":"\u0000"}"#.utf8), Array(#"{"a":1e999999999}"#.utf8),
            Array(#"{"a":"\ud800"}"#.utf8), Array("{\"a\":\"".utf8) + [0xC3, 0x28] + [0x22, 0x7D],
            Array(repeating: UInt8(ascii: "{"), count: 100_000),
            Array("{\"a\":".utf8) + Array(repeating: UInt8(ascii: "["), count: 100_000),
            [0], [255], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80],
        ]
        let whole = Self.kubernetes("v1", "Pod")
        for count in 0...whole.count { values.append(Array(whole.prefix(count))) }
        for lengths in [[255, 10, 255], [255, 10, 0], [0, 10, 128]] as [[UInt8]] {
            values.append(Array("k8s\0".utf8) + [10] + lengths)
            values.append(Array("k8s\0".utf8) + [10] + lengths + [1, 2, 3, 255, 255, 255])
        }
        for (number, value) in values.enumerated() {
            try self.store.put(FilledStore.acme, "/registry/pods/ns/\(number)", value)
            try self.store.put(FilledStore.acme, Array("/registry/x/".utf8) + value + [47], value)
            try self.store.put(FilledStore.acme, value + [UInt8(number)], value)
        }
        for view in Self.views {
            #expect(
                !(try self.store.rows("SELECT * FROM \(view)")).isEmpty || view == "lease_usage"
            )
        }
        let count = try self.store.rows("SELECT count(*) FROM live_key WHERE json IS NULL")
        #expect(count == ["(\(3 * values.count))"])
    }

    @Test func keysThatAreNoUTF8AreShownWithEscapes() throws {
        try self.store.put(FilledStore.acme, "ключ", [])
        try self.store.put(FilledStore.acme, [0x61, 0xFF, 0x00], [])
        try self.store.put(FilledStore.acme, #"back\slash"#, [])
        let keys = try self.store.connect(as: self.store.owner)
            .query("SELECT key FROM live_key ORDER BY row").map { $0.text(0) }
        #expect(keys == ["ключ", #"a\377\000"#, #"back\slash"#])
    }

    @Test func jsonCanBeAskedForItsParts() throws {
        let widget = Array(#"{"apiVersion":"example.com/v1","spec":{"size":3}}"#.utf8)
        try self.store.put(FilledStore.acme, "/registry/example.com/widgets/ns/big", widget)
        let query = "SELECT name FROM live_key WHERE json @> '{\"spec\": {\"size\": 3}}'"
        #expect(try self.store.rows(query) == ["(big)"])
    }

    @Test func aHistoryHasEveryVersionAndLiveKeysTheLast() throws {
        try self.store.put(FilledStore.acme, "/a/1", [1])
        try self.store.put(FilledStore.acme, "/a/1", [1, 2], version: 2)
        try self.store.put(FilledStore.acme, "/a/2", [1])
        try self.store.put(FilledStore.acme, "/a/2", version: 0)
        try self.store.put(FilledStore.other, "/a/1", [7])
        #expect(
            try self.store.rows(
                "SELECT tenant, key, change, value_size FROM key_history ORDER BY row"
            ) == [
                "(acme,/a/1,create,1)", "(acme,/a/1,update,2)", "(acme,/a/2,create,1)",
                "(acme,/a/2,delete,0)", "(other,/a/1,create,1)",
            ]
        )
        #expect(
            try self.store.rows("SELECT tenant, key, value_size FROM live_key ORDER BY row")
                == ["(acme,/a/1,2)", "(other,/a/1,1)"]
        )
        #expect(
            try self.store.rows("SELECT * FROM largest_prefix WHERE tenant = 'acme'")
                == ["(acme,/a/,1,6,2)"]
        )
        #expect(
            try self.store.rows("SELECT * FROM busiest_prefix WHERE tenant = 'acme'")
                == ["(acme,/a/,4,2,1,1,4,2,5)"]
        )
    }

    @Test func usageIsCountedAsTheQuotaCountsIt() throws {
        try self.store.put(FilledStore.acme, "/a/1", [1])
        try self.store.put(FilledStore.acme, "/a/1", [1, 2], version: 2)
        try self.store.fixture.run(
            """
            INSERT INTO alarm VALUES (1, 1, 'NOSPACE');
            INSERT INTO lease VALUES (1, 77, 60, '2040-01-01 00:00:00Z');
            """
        )
        let used = 20480 + 2 * (64 + 4) + 3
        #expect(
            try self.store.rows("SELECT * FROM tenant_usage ORDER BY tenant") == [
                "(acme,active,3,-1,1,9,2,\(used),50000,41.2,70,1,,NOSPACE)",
                "(other,active,1,-1,0,9,0,20480,50000,41.0,0,0,,)",
            ]
        )
    }

    @Test func aLeaseShowsItsKeys() throws {
        try self.store.fixture.run(
            """
            INSERT INTO lease VALUES (1, 77, 60, '2040-01-01 00:00:00Z');
            INSERT INTO lease VALUES (2, 77, 60, '2040-01-01 00:00:00Z');
            """
        )
        try self.store.put(FilledStore.acme, "/b", [1], lease: 77)
        try self.store.put(FilledStore.acme, "/a", [1], lease: 77)
        try self.store.put(FilledStore.acme, "/gone", [1], lease: 77)
        try self.store.put(FilledStore.acme, "/gone", version: 0)
        #expect(
            try self.store.rows(
                "SELECT tenant, lease, ttl_seconds, keys, first_key FROM lease_usage ORDER BY 1"
            ) == ["(acme,4d,60,2,/a)", "(other,4d,60,0,)"]
        )
    }

    @Test func whatIsNotCommittedOrBeingErasedIsNotShown() throws {
        try self.store.put(FilledStore.acme, "/a", [1])
        try self.store.put(FilledStore.other, "/a", [1])
        try self.store.fixture.run(
            """
            UPDATE tenant SET revision = 1 WHERE id = 1;
            UPDATE tenant SET state = 'deleting', erasing_since = now() WHERE id = 2;
            """
        )
        for view in ["key_history", "live_key", "largest_prefix", "busiest_prefix"] {
            #expect(try self.store.rows("SELECT * FROM \(view)") == [])
        }
    }

    // MARK: Bringing them up to date

    @Test func aStartMakesTheViewsThatAreMissingOrOtherOnes() throws {
        let definitions = """
            SELECT relname, pg_get_viewdef(oid) FROM pg_class
            WHERE relkind = 'v' AND relnamespace = 'byre'::regnamespace ORDER BY relname
            """
        let before = try self.store.rows(definitions)
        #expect(before.count == Self.views.count + 1)
        let connection = try self.store.connect(as: self.store.owner)
        try connection.execute(
            """
            DROP VIEW lease_usage; DROP VIEW busiest_prefix;
            CREATE VIEW busiest_prefix AS SELECT 1 AS one
            """
        )
        try self.store.reopen()
        #expect(try self.store.rows(definitions) == before)
    }

    @Test func aStartThatChangesNothingLeavesThemAlone() throws {
        let rows = "SELECT xmin FROM pg_class WHERE relkind = 'v' AND relname = 'key_history'"
        let before = try self.store.rows(rows)
        try self.store.reopen()
        #expect(try self.store.rows(rows) == before)
    }
}
