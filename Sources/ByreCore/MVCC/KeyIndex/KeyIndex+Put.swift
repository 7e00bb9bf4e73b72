extension KeyIndex.Node {
    /// Makes what `version` returns the latest of `key`.
    /// - Returns: the right half of the node, too, if it had to be split.
    /// - Complexity: O(log n).
    mutating func put(
        _ key: Bytes,
        _ version: (Version?) -> Version
    ) -> (step: KeyIndex.Step, split: Split?) {
        if self.isLeaf {
            let (slot, isMatch) = self.keys.find(key)
            let previous = isMatch ? self.latest(at: slot) : nil
            let step = KeyIndex.Step(previous: previous, version: version(previous))
            if let previous {
                self.replace(previous, at: slot, with: step.version)
                return (step, nil)
            }
            self.insert(key, step.version, at: slot)
            return (step, self.splitIfOverfull(grownAt: slot))
        }
        let position = self.keys.countUpTo(key)
        makeUnique(&self.children[position].node)
        let (step, split) = self.children[position].node.change { $0.put(key, version) }
        guard let split else {
            self.children[position].summary.add(step)
            return (step, nil)
        }
        self.adopt(split, after: position)
        self.children[position].summary = self.children[position].node.header.summary
        return (step, self.splitIfOverfull(grownAt: position &+ 1))
    }

    private mutating func replace(_ previous: Version, at slot: Int, with version: Version) {
        precondition(
            previous.revision < version.revision,
            "versions of a key arrive in the order of their revisions"
        )
        if self.recent.isFull { self.settle() }
        self.recent.append(version, at: slot)
    }

    private mutating func insert(_ key: Bytes, _ version: Version, at slot: Int) {
        self.settle()
        self.keys.insert(key, at: slot)
        self.settled.insertTightly(version, at: slot)
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
