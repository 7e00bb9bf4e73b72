package import ByreCore
import Testing

/// A store that an older version of the schema left behind: with the tenant "old", which has one key
/// and one lease, and no isolation or home to its name.
package enum OlderStore {
    /// Expects that a store which holds this does so after it was brought up to date, and when it is
    /// opened once more.
    package static func expectKept(
        opening open: () throws -> any Backend,
        verifying verify: () throws -> [Finding]
    ) throws {
        for _ in 1...2 {
            let store = try open()
            let recovered = try store.recovered()
            store.close()
            let definitions = recovered.tenants.map(\.definition)
            #expect(definitions.map(\.name) == ["old"])
            #expect(definitions.map(\.isolation) == [.shared])
            #expect(definitions.map(\.home) == [nil])
            let revisions = recovered.tenants.map(\.record.revision)
            #expect(revisions == [2])
            #expect(recovered.rows.map(\.key) == [Bytes("k".utf8)])
            let leases = recovered.leases.map(\.lease)
            let lease = LeaseRecord(id: LeaseID(rawValue: 7), ttlSeconds: 60)
            #expect(leases == [lease])
        }
        let errors = try verify().filter { $0.severity == .error }
        #expect(errors == [])
    }
}
