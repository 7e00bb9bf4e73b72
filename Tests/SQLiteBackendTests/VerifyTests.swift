import BackendTestKit
import ByreCore
import ByreTestKit
import SQLite
import SQLiteBackend
import Testing

@Suite struct VerifyTests {
    private let directory: TemporaryDirectory
    private var path: String { self.directory.path + "/byre.db" }

    init() throws {
        self.directory = try TemporaryDirectory()
        let backend = try SQLiteBackend(path: self.directory.path + "/byre.db")
        var history = History()
        history.create(1, "default")
        history.create(2, "other")
        history.grant(1, lease: 5, ttlSeconds: 60)
        history.write(1, [("a", [1]), ("b", [1])])  // rows 1, 2 at revision 2
        history.write(1, [("a", [2])], lease: 5)  // row 3 at 3
        history.write(1, [("a", nil), ("b", [2]), ("c", [1])])  // rows 4, 5, 6 at 4
        history.write(1, [("a", [3])])  // row 7 at 5
        history.write(2, [("a", [1])])  // row 8
        history.write(1, [("b", nil)])  // row 9 at 6
        try backend.commit(history.take())
        // Compacted at 3: "a" keeps row 3 for it, "b" its row 2.
        history.compact(1, to: 3, removing: [1])
        try backend.commit(history.take())
        backend.close()
    }

    @Test func aSoundStoreHasNoFindings() throws {
        #expect(try SQLiteBackend.verify(path: self.path) == [])
    }

    @Test func aStoreInUseCanBeVerified() throws {
        let backend = try SQLiteBackend(path: self.path)
        #expect(try SQLiteBackend.verify(path: self.path) == [])
        backend.close()
    }

    /// Each line breaks one rule by SQL; the findings that must be told, in order.
    @Test(
        arguments: [
            (
                "UPDATE kv SET mod_revision = 7 WHERE row = 9",
                [
                    "error: tenant 1 row 9 revision 7 is above the commit point 6",
                    "error: tenant 1 revisions 6 to 6 have no row",
                ]
            ),
            (
                "DELETE FROM kv WHERE row = 7",
                ["error: tenant 1 row 9 revision 6.0 follows 4.2"]
            ),
            (
                "DELETE FROM kv WHERE row = 5",
                ["error: tenant 1 row 6 revision 4.2 follows 4.0"]
            ),
            (
                "UPDATE kv SET sub = 3 WHERE row = 6",
                ["error: tenant 1 row 6 revision 4.3 follows 4.1"]
            ),
            (
                "UPDATE kv SET mod_revision = 2 WHERE row = 7",
                [
                    "error: tenant 1 row 7 revision 2.0 comes after 4.2",
                    "error: tenant 1 row 7 created at 5, after 2",
                    "error: tenant 1 row 9 revision 6.0 follows 4.2",
                ]
            ),
            (
                "UPDATE kv SET version = 7 WHERE row = 5",
                ["error: tenant 1 row 5 version 7 follows version 1"]
            ),
            (
                "UPDATE kv SET create_revision = 3 WHERE row = 5",
                ["error: tenant 1 row 5 created at 3, before that at 2"]
            ),
            (
                "UPDATE kv SET create_revision = 9 WHERE row = 5",
                [
                    "error: tenant 1 row 5 created at 9, after 4",
                    "error: tenant 1 row 5 created at 9, before that at 2",
                ]
            ),
            (
                "UPDATE kv SET version = 2 WHERE row = 7",
                ["error: tenant 1 row 7 a new key has version 2"]
            ),
            (
                "UPDATE kv SET create_revision = 2 WHERE row = 7",
                ["error: tenant 1 row 7 a new key was created at 2"]
            ),
            (
                "UPDATE kv SET version = -1 WHERE row = 2",
                [
                    "error: tenant 1 row 2 version -1, created at 2",
                    "error: tenant 1 row 5 version 2 follows version -1",
                ]
            ),
            (
                "UPDATE kv SET key = x'64' WHERE row = 9",
                ["error: tenant 1 row 9 a tombstone ends a key that is not there"]
            ),
            (
                "UPDATE kv SET value = x'00' WHERE row = 9",
                ["error: tenant 1 row 9 a tombstone has a create revision, a value or a lease"]
            ),
            (
                "UPDATE kv SET key = x'' WHERE row = 6",
                ["error: tenant 1 row 6 the key is empty"]
            ),
            (
                "UPDATE kv SET tenant = 3 WHERE row = 8",
                [
                    "error: tenant 3 row 8 the tenant is not there",
                    "error: tenant 2 revisions 2 to 2 have no row",
                ]
            ),
            (
                "UPDATE tenant SET revision = 9 WHERE id = 1",
                ["error: tenant 1 revisions 7 to 9 have no row"]
            ),
            (
                "UPDATE kv SET lease = 77 WHERE row = 7",
                ["warning: tenant 1 row 7 lease 77 is not there"]
            ),
            (
                "UPDATE lease SET tenant = 4",
                ["error: tenant 4 lease 5 of a tenant not there"]
            ),
            (
                "UPDATE tenant SET name = 'Big' WHERE id = 2",
                [
                    "error: tenant 2 a tenant's name is a DNS label: 1 to 63 of a-z, 0-9 and -, "
                        + "no - at either end"
                ]
            ),
            (
                """
                DROP TRIGGER tenant_prefix_is_immutable;
                UPDATE tenant SET prefix = x'2f64656661756c742f78' WHERE id = 2
                """,
                [
                    "error: trigger tenant_prefix_is_immutable is missing",
                    "error: tenant 2 its prefix begins with that of tenant 1",
                ]
            ),
            (
                "INSERT INTO tenant_identity VALUES ('common-name', 'default', 2)",
                ["error: tenant 2 an identity of it is the name of tenant 1"]
            ),
            (
                "INSERT INTO tenant_identity VALUES ('dns-san', 'x', 9)",
                ["error: tenant 9 rows of tenant_identity of a tenant not there"]
            ),
            (
                "INSERT INTO alarm VALUES (9, 1, 'CORRUPT')",
                ["error: tenant 9 rows of alarm of a tenant not there"]
            ),
            (
                "UPDATE tenant SET state = 'deleting' WHERE id = 2",
                [
                    "error: tenant 2 a time to be erased at belongs to a tenant that is being "
                        + "deleted, and to no other"
                ]
            ),
            // Of a tenant that is being erased anything may be gone.
            (
                """
                UPDATE tenant SET state = 'deleting', erasing_since = '2030-01-01T00:00:00.000Z'
                WHERE id = 1;
                DELETE FROM kv WHERE row IN (2, 3, 5)
                """,
                []
            ),
            ("DROP VIEW live_key", ["warning: view live_key is missing"]),
            (
                "DROP TRIGGER tenant_uid_is_immutable; CREATE TABLE note (text TEXT)",
                [
                    "error: trigger tenant_uid_is_immutable is missing",
                    "warning: table note is not of the schema",
                ]
            ),
            // What compaction may leave is not a finding.
            (
                "DELETE FROM kv WHERE row IN (2, 3)",
                [
                    "error: tenant 1 row 4 a tombstone ends a key that is not there",
                    "error: tenant 1 row 5 a new key has version 2",
                    "error: tenant 1 row 5 a new key was created at 2",
                ]
            ),
            (
                "UPDATE tenant SET compact_revision = 6 WHERE id = 1; DELETE FROM kv WHERE row IN (3, 4, 9)",
                []
            ),
        ] as [(String, [String])]
    )
    func aBrokenRuleIsFound(_ sql: String, _ findings: [String]) throws {
        do {
            let connection = try Connection(path: self.path, access: .readWrite)
            try connection.execute(sql)
        }
        #expect(try SQLiteBackend.verify(path: self.path).map(\.description) == findings)
    }

    @Test func aDamagedPageIsFound() throws {
        do {
            let connection = try Connection(path: self.path, access: .readWrite)
            try connection.execute(
                """
                PRAGMA writable_schema = ON;
                UPDATE sqlite_schema SET rootpage = (
                    SELECT rootpage FROM sqlite_schema WHERE name = 'tenant')
                WHERE name = 'lease';
                """
            )
        }
        let findings = try SQLiteBackend.verify(path: self.path)
        #expect(findings.contains { $0.message.hasPrefix("SQLite: ") })
    }

    @Test func whatIsNotAStoreCannotBeVerified() throws {
        #expect(throws: StoreError.self) {
            try SQLiteBackend.verify(path: self.path + ".missing")
        }
        do {
            let connection = try Connection(path: self.path, access: .readWrite)
            try connection.execute("PRAGMA application_id = 1")
        }
        #expect(throws: StoreError.self) { try SQLiteBackend.verify(path: self.path) }
    }
}
