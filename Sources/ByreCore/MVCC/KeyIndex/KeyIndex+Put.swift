extension KeyIndex.Node {
    /// Makes `version` the latest of `key`.
    /// - Returns: the latest version before, and the right half of the node if it had to be split.
    /// - Complexity: O(log n).
    mutating func put(_ key: Bytes, _ version: Version) -> (previous: Version?, split: Split?) {
        if self.isLeaf {
            let (slot, isMatch) = self.keys.find(key)
            if isMatch { return (self.replaceLatest(at: slot, with: version), nil) }
            self.insert(key, version, at: slot)
            return (nil, self.splitIfOverfull(grownAt: slot))
        }
        let position = self.keys.countUpTo(key)
        makeUnique(&self.children[position])
        let (previous, split) = self.children[position].change { $0.put(key, version) }
        guard let split else {
            self.summaries[position].add(version, after: previous)
            return (previous, nil)
        }
        self.adopt(split, after: position)
        self.summaries[position] = self.children[position].header.summary
        return (previous, self.splitIfOverfull(grownAt: position &+ 1))
    }

    private mutating func replaceLatest(at slot: Int, with version: Version) -> Version {
        let previous = self.latest[slot]
        precondition(
            previous.revision < version.revision,
            "versions of a key arrive in the order of their revisions"
        )
        self.reserveOlder()
        self.older[slot].append(previous)
        self.latest[slot] = version
        return previous
    }

    private mutating func insert(_ key: Bytes, _ version: Version, at slot: Int) {
        self.keys.insert(key, at: slot)
        self.latest.insertTightly(version, at: slot)
        if !self.older.isEmpty { self.older.insertTightly(VersionHistory(), at: slot) }
    }

    /// Splits an overfull node, in the middle unless it grew at an end: keys that arrive in order
    /// leave full nodes behind.
    private mutating func splitIfOverfull(grownAt position: Int) -> Split? {
        guard self.isOverfull else { return nil }
        let count = self.count
        if position == count &- 1 { return self.split(at: count &- Self.countMin) }
        if position == 0 { return self.split(at: Self.countMin) }
        return self.split(at: count / 2)
    }
}
