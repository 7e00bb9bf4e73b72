package import HashTreeCollections

/// The leases of a tenant and the keys attached to each. When they expire is not in here: see
/// ``Lessor``.
///
/// A value that shares its structure with its copies, as ``KeyIndex`` does.
package struct LeaseTable: Sendable {
    package struct Entry: Sendable {
        /// Granted time to live, in seconds.
        package var ttlSeconds: Int64
        package var keys: TreeSet<Bytes>
    }

    private var entries: TreeDictionary<LeaseID, Entry> = [:]

    package init() {}

    package var count: Int { self.entries.count }

    /// Every lease, in no order.
    package var records: [LeaseRecord] {
        self.entries.map { LeaseRecord(id: $0.key, ttlSeconds: $0.value.ttlSeconds) }
    }

    package subscript(_ id: LeaseID) -> Entry? { self.entries[id] }

    package func contains(_ id: LeaseID) -> Bool { self.entries[id] != nil }

    mutating func grant(_ id: LeaseID, ttlSeconds: Int64) {
        precondition(self.entries[id] == nil, "a lease is granted once")
        self.entries[id] = Entry(ttlSeconds: ttlSeconds, keys: [])
    }

    /// Grants a lease, or gives the one that is there another time to live.
    mutating func set(_ id: LeaseID, ttlSeconds: Int64) {
        self.entries[id, default: Entry(ttlSeconds: ttlSeconds, keys: [])].ttlSeconds = ttlSeconds
    }

    /// Ends a lease whose keys are deleted otherwise.
    mutating func remove(_ id: LeaseID) {
        self.entries[id] = nil
    }

    /// Ends a lease and returns the keys that were attached, in byte order.
    /// - Complexity: O(*k* log *k*) for *k* keys.
    mutating func revoke(_ id: LeaseID) -> [Bytes] {
        guard let entry = self.entries.removeValue(forKey: id) else { return [] }
        return entry.keys.sorted { compareBytes($0, $1) < 0 }
    }

    /// Moves `key` from lease `old` to lease `new`; either may be `LeaseID.none`.
    ///
    /// A key may name a lease that is gone (etcd keeps the id in the value); nothing is attached then.
    mutating func move(_ key: Bytes, from old: LeaseID, to new: LeaseID) {
        guard old != new else { return }
        if old != .none {
            self.entries[old]?.keys.remove(key)
        }
        if new != .none {
            self.entries[new]?.keys.insert(key)
        }
    }
}
