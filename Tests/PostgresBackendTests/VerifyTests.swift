import BackendTestKit
import ByreCore
import PostgresBackend
import Testing

@Suite struct VerifyTests {
    private let store: StoreFixture
    private let history: History

    init() throws {
        self.store = try StoreFixture()
        let backend = try self.store.open()
        var history = History(numbering: .tenant)
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
        self.history = history
    }

    /// Replaces `r(3)` by the number of the third row.
    private func numbered(_ text: String) -> String {
        (1...9).reduce(text) { text, place in
            text.replacing("r(\(place))", with: "\(self.history.row(Int64(place)).rawValue)")
        }
    }

    /// The findings, with rows counted from 1.
    private func findings() throws -> [String] {
        try PostgresBackend.verify(url: self.store.url).map { finding in
            var finding = finding
            for place in 1...9 as ClosedRange<Int64> where finding.row == self.history.row(place) {
                finding.row = RowID(rawValue: place)
            }
            return finding.description
        }
    }

    @Test func aSoundStoreHasNoFindings() throws {
        #expect(try self.findings() == [])
    }

    /// Each line breaks one rule by SQL; the findings that must be told, in order.
    @Test(
        arguments: [
            (
                "UPDATE kv SET mod_revision = 7 WHERE row = r(9)",
                [
                    "error: tenant 1 row 9 revision 7 is above the commit point 6",
                    "error: tenant 1 revisions 6 to 6 have no row",
                ]
            ),
            (
                "DELETE FROM kv WHERE row = r(7)",
                ["error: tenant 1 row 9 revision 6.0 follows 4.2"]
            ),
            (
                "DELETE FROM kv WHERE row = r(5)",
                ["error: tenant 1 row 6 revision 4.2 follows 4.0"]
            ),
            (
                "UPDATE kv SET sub = 3 WHERE row = r(6)",
                ["error: tenant 1 row 6 revision 4.3 follows 4.1"]
            ),
            (
                "UPDATE kv SET mod_revision = 2 WHERE row = r(7)",
                [
                    "error: tenant 1 row 7 revision 2.0 comes after 4.2",
                    "error: tenant 1 row 7 created at 5, after 2",
                    "error: tenant 1 row 9 revision 6.0 follows 4.2",
                ]
            ),
            (
                "UPDATE kv SET version = 7 WHERE row = r(5)",
                ["error: tenant 1 row 5 version 7 follows version 1"]
            ),
            (
                "UPDATE kv SET create_revision = 3 WHERE row = r(5)",
                ["error: tenant 1 row 5 created at 3, before that at 2"]
            ),
            (
                "UPDATE kv SET create_revision = 9 WHERE row = r(5)",
                [
                    "error: tenant 1 row 5 created at 9, after 4",
                    "error: tenant 1 row 5 created at 9, before that at 2",
                ]
            ),
            (
                "UPDATE kv SET version = 2 WHERE row = r(7)",
                ["error: tenant 1 row 7 a new key has version 2"]
            ),
            (
                "UPDATE kv SET create_revision = 2 WHERE row = r(7)",
                ["error: tenant 1 row 7 a new key was created at 2"]
            ),
            (
                "UPDATE kv SET version = -1 WHERE row = r(2)",
                [
                    "error: tenant 1 row 2 version -1, created at 2",
                    "error: tenant 1 row 5 version 2 follows version -1",
                ]
            ),
            (
                "UPDATE kv SET key = '\\x64' WHERE row = r(9)",
                ["error: tenant 1 row 9 a tombstone ends a key that is not there"]
            ),
            (
                "UPDATE kv SET value = '\\x00' WHERE row = r(9)",
                ["error: tenant 1 row 9 a tombstone has a create revision, a value or a lease"]
            ),
            (
                "UPDATE kv SET key = '\\x' WHERE row = r(6)",
                ["error: tenant 1 row 6 the key is empty"]
            ),
            (
                "DELETE FROM tenant WHERE id = 2",
                [
                    "error: tenant 2 rows of commit_time of a tenant not there",
                    "error: tenant 2 row 8 the tenant is not there",
                ]
            ),
            (
                "UPDATE tenant SET revision = 9 WHERE id = 1",
                ["error: tenant 1 revisions 7 to 9 have no row"]
            ),
            (
                "UPDATE kv SET lease = 77 WHERE row = r(7)",
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
                "UPDATE tenant SET prefix = '\\x2f64656661756c742f78' WHERE id = 2",
                ["error: tenant 2 its prefix begins with that of tenant 1"]
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
                DELETE FROM kv WHERE row IN (r(2), r(3), r(5))
                """,
                []
            ),
            ("DROP VIEW tenant_usage", ["warning: view tenant_usage is missing"]),
            (
                "DROP TRIGGER tenant_is_kept ON tenant; CREATE TABLE note ()",
                [
                    "error: trigger tenant_is_kept is missing",
                    "warning: table note is not of the schema",
                ]
            ),
            (
                "ALTER TABLE kv ALTER COLUMN lease DROP NOT NULL",
                ["error: column kv.lease was altered"]
            ),
            (
                "ALTER TABLE tenant DROP CONSTRAINT tenant_name_key",
                [
                    "error: constraint tenant.tenant_name_key is missing",
                    "error: index tenant_name_key is missing",
                ]
            ),
            (
                "INSERT INTO change VALUES (1, 99, 0, 'revoke', 1, 0, '')",
                ["error: tenant 1 a change has sequence 99, above the tenant's 7"]
            ),
            (
                "UPDATE store SET next_tenant = 2",
                ["error: tenant 2 its id is not below the next one, 2"]
            ),
            (
                "UPDATE tenant SET last_row = last_row - 1 WHERE id = 2",
                ["error: tenant 2 row r(8) is above its last, 2199023255552"]
            ),
            // What compaction may leave is not a finding.
            (
                "DELETE FROM kv WHERE row IN (r(2), r(3))",
                [
                    "error: tenant 1 row 4 a tombstone ends a key that is not there",
                    "error: tenant 1 row 5 a new key has version 2",
                    "error: tenant 1 row 5 a new key was created at 2",
                ]
            ),
            (
                "UPDATE tenant SET compact_revision = 6 WHERE id = 1; "
                    + "DELETE FROM kv WHERE row IN (r(3), r(4), r(9))",
                []
            ),
        ] as [(String, [String])]
    )
    func aBrokenRuleIsFound(_ sql: String, _ findings: [String]) throws {
        // Constraints between tables do not stand in the way.
        try self.store.run("SET session_replication_role = replica;\n" + self.numbered(sql))
        #expect(try self.findings() == findings.map(self.numbered))
    }

    @Test func anImportUnderWayIsNoFault() throws {
        try self.store.run(
            """
            UPDATE tenant SET importer = 7, imported_at = now() WHERE id = 2;
            INSERT INTO kv SELECT row + 1, tenant, 9, 0, 9, 1, 0, key, value FROM kv
            WHERE tenant = 2
            """
        )
        #expect(try self.findings() == [])
    }

    @Test func whatIsNotAStoreCannotBeVerified() throws {
        #expect(throws: StoreError.self) {
            try PostgresBackend.verify(url: self.store.url + "?schema=missing")
        }
    }
}
