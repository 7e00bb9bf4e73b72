/// From each key of a tenant to its versions that are not compacted away: a B+tree whose copies
/// share what they have in common.
///
/// Copying an index is O(1). Changing a copy copies the nodes on the way to the change, where they
/// are shared, and nothing else; the other copies stay as they were, and any thread may read them
/// without a lock. So a batch of changes is made on a copy, which is then published or dropped.
///
/// A key is here from its first version until a compaction removes its last, so a deleted key is
/// here too, with a tombstone for its latest version. A *live* key's latest version is none.
///
/// An index knows nothing of a tenant's current revision or compact revision: whether a revision
/// may be asked for is the caller's business.
package struct KeyIndex: @unchecked Sendable {
    // A node that two threads can reach has two references, and such a node is never changed.

    var root = Reference.to(Node())
    var summary = Summary()
    /// Keys with a version, deleted ones included.
    package private(set) var keyCount = 0

    package init() {}

    /// Keys whose latest version is not a tombstone.
    package var liveCount: Int { self.summary.live }

    /// Versions of all keys, tombstones included.
    package var versionCount: Int { self.summary.versions }

    // MARK: One key

    /// Returns the newest version of `key`, which may be a tombstone.
    /// - Complexity: O(log `keyCount`).
    package func latest(of key: Bytes) -> Version? {
        self.entry(key)?.latest
    }

    /// Returns what a reader at `revision` sees of `key`: nil where it does not exist.
    /// - Complexity: O(log `keyCount` + log of its versions).
    package func version(of key: Bytes, at revision: Int64) -> Version? {
        self.entry(key)?.version(at: revision)
    }

    /// Returns all versions of `key`, ascending, tombstones included.
    package func versions(of key: Bytes) -> [Version] {
        self.entry(key)?.versions ?? []
    }

    func entry(_ key: Bytes) -> Entry? {
        var node = self.root
        while let child = node.read({ $0.child(holding: key)?.node }) { node = child }
        let (slot, isMatch) = node.read { $0.keys.find(key) }
        return isMatch ? Entry(leaf: node, slot: slot) : nil
    }

    // MARK: Changing

    /// Makes `version` the latest of `key`.
    ///
    /// It may be a tombstone. It may share its main revision with the latest before it, whose sub
    /// revision is then lower.
    /// - Precondition: `version` is newer than every version of `key`.
    /// - Returns: the latest version before.
    /// - Complexity: O(log `keyCount`).
    @discardableResult
    package mutating func put(_ key: Bytes, _ version: Version) -> Version? {
        self.put(key) { _ in version }.previous
    }

    /// Makes the version that `version` returns the latest of `key`, as ``put(_:_:)`` does, which
    /// looks for the key once.
    /// - Parameter version: is given the latest version before, and called once.
    package mutating func put(_ key: Bytes, _ version: (_ previous: Version?) -> Version) -> Step {
        makeUnique(&self.root)
        let (step, split) = self.root.change { $0.put(key, version) }
        self.summary.add(step)
        if step.previous == nil { self.keyCount &+= 1 }
        if let split {
            var branch = Node(children: [Child(self.root)])
            branch.adopt(split, after: 0)
            self.root = .to(branch)
        }
        return step
    }

    /// Removes the versions of `key` that a compaction at `revision` makes unreachable, and the key
    /// with its last version; hands each to `removed`, ascending.
    ///
    /// What a reader at `revision` or later sees stays: the newest version at or before it, unless
    /// that is a tombstone. A tombstone exactly at `revision` stays as well, for the watch that
    /// begins there, and so does what follows it in the same transaction.
    /// - Complexity: O(log `keyCount` + versions removed).
    /// - Source: etcd `server/storage/mvcc/key_index.go`, `compact`; etcd issues 18089, 19179.
    package mutating func compact(
        _ key: Bytes,
        at revision: Int64,
        removed: (Version) -> Void
    ) {
        guard let entry = self.entry(key) else { return }
        let count = entry.compactableCount(at: revision)
        guard count > 0 else { return }
        for position in 0..<count { removed(entry.version(at: position)) }
        let isLast = count == entry.versionCount
        makeUnique(&self.root)
        self.root.change { $0.removeOldest(count, of: key) }
        while self.root.header.children.count == 1 { self.root = self.root.header.children[0].node }
        self.summary = self.root.header.summary
        if isLast { self.keyCount &-= 1 }
    }
}
