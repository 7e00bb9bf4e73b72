/// An instance that serves a shared store.
package struct InstanceRecord: Hashable, Sendable {
    /// Never 0; no two instances that live have the same.
    package var id: UInt64
    package var name: String
    /// Where its clients reach it.
    package var clientURLs: [String]

    package init(id: UInt64, name: String, clientURLs: [String]) {
        self.id = id
        self.name = name
        self.clientURLs = clientURLs
    }

    /// One without name or address, for a store that has one instance.
    package static let anonymous = InstanceRecord(id: 1, name: "", clientURLs: [])

    /// What etcd calls the instance within a tenant; never 0.
    /// - Parameter tenant: the tenant's own number of that kind.
    /// - Source: the mixing is SplitMix64's.
    package func memberID(in tenant: UInt64) -> UInt64 {
        var hash = tenant ^ self.id
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        return max(hash ^ (hash >> 31), 1)
    }
}
