import ByreCore
import ByreTestKit
import Testing
import byre

@Suite struct IndexCheckTests {
    static let tenant = TenantID(rawValue: 1)

    static func version(_ main: Int64, row: Int64, isTombstone: Bool = false) -> Version {
        let revision = Revision(main: main, sub: 0)
        if isTombstone { return .tombstone(at: revision, row: RowID(rawValue: row)) }
        return Version(
            modRevision: main,
            sub: 0,
            valueSize: 3,
            createRevision: main,
            version: 1,
            lease: LeaseID(rawValue: 7),
            row: RowID(rawValue: row)
        )
    }

    static func check(_ rows: [(String, Version)]) -> [String] {
        var check = IndexCheck()
        check.tenant(
            StoredTenant(
                TenantRecord(id: tenant, revision: 9, clusterID: 1, memberID: 1),
                .numbered(1, name: "default")
            )
        )
        check.lease(tenant, LeaseRecord(id: LeaseID(rawValue: 7), ttlSeconds: 60))
        for (key, version) in rows {
            check.row(tenant, key: Array(key.utf8), version: version)
        }
        return check.findings()
    }

    @Test func rowsInOrderMakeAnIndexThatAgreesWithThem() {
        let findings = Self.check([
            ("a", Self.version(2, row: 1)), ("b", Self.version(3, row: 2)),
            ("a", Self.version(4, row: 3, isTombstone: true)), ("a", Self.version(5, row: 4)),
            ("c", Self.version(6, row: 5)), ("c", Self.version(7, row: 6, isTombstone: true)),
        ])
        #expect(findings.isEmpty)
    }

    @Test func anEmptyStoreIsInOrder() {
        #expect(Self.check([]).isEmpty)
    }

    @Test func aRevisionAboveTheStoresIsADifference() {
        // The index counts what exists at revision 9; the row says that the key exists.
        #expect(
            Self.check([("a", Self.version(10, row: 1))]) == [
                "tenant default: the index has 0 keys that exist at its revision, the rows have 1"
            ]
        )
    }
}
