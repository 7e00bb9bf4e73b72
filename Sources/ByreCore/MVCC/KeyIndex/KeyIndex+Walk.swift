extension KeyIndex {
    // MARK: Counting

    /// Counts the live keys in `range`.
    /// - Complexity: O(log `keyCount`).
    package func count(in range: KeyRange) -> Int {
        switch range {
        case .key(let key):
            guard let latest = self.latest(of: key) else { return 0 }
            return latest.isTombstone ? 0 : 1
        case .interval(let start, let end):
            return range.isEmpty
                ? 0 : self.root.liveCount(below: end) &- self.root.liveCount(below: start)
        case .from(let start):
            return self.liveCount &- (start.isEmpty ? 0 : self.root.liveCount(below: start))
        }
    }

    /// Counts the keys in `range` that a reader at `revision` sees.
    /// - Complexity: O(log `keyCount` + keys in `range`).
    package func count(in range: KeyRange, at revision: Int64) -> Int {
        var count = 0
        self.forEachEntry(in: range) { entry in
            if entry.version(at: revision) != nil { count &+= 1 }
            return true
        }
        return count
    }

    // MARK: Walking

    /// Visits the keys in `range` that a reader at `revision` sees, ascending, until `body` returns
    /// false; the live keys when `revision` is nil.
    ///
    /// A walk is resumed by another one whose range begins with the last key and a zero byte.
    /// - Complexity: O(log `keyCount` + keys passed).
    @inline(__always)
    package func forEach(
        in range: KeyRange,
        at revision: Int64? = nil,
        _ body: (_ key: Bytes, _ version: Version) -> Bool
    ) {
        if let revision {
            self.forEachEntry(in: range) { entry in
                guard let version = entry.version(at: revision) else { return true }
                return body(entry.key, version)
            }
            return
        }
        self.forEachLeaf(in: range, where: { $0.live > 0 }) { leaf, slots in
            for slot in slots {
                let latest = leaf.header.latest(at: slot)
                if !latest.isTombstone, !body(leaf.header.keys[slot], latest) { return false }
            }
            return true
        }
    }

    /// Visits the keys in `range` with all their versions, deleted keys too, ascending, until
    /// `body` returns false.
    /// - Complexity: O(log `keyCount` + keys passed).
    @inline(__always)
    package func forEachEntry(in range: KeyRange = .all, _ body: (Entry) -> Bool) {
        self.forEachLeaf(in: range, where: { _ in true }) { leaf, slots in
            for slot in slots where !body(Entry(leaf: leaf, slot: slot)) { return false }
            return true
        }
    }

    /// Visits the versions of the keys in `range` that the revisions from `first` through `last`
    /// made, tombstones included, until `body` returns false.
    ///
    /// Keys come ascending, and a key's versions ascending; `previous` is what a reader at the
    /// revision before saw of the key, if that is still in the index. Parts of the tree
    /// that have not changed since `first` are not looked at.
    /// - Complexity: O(log `keyCount` · keys that changed since `first`), at most O(`keyCount`).
    @inline(__always)
    package func forEachVersion(
        in range: KeyRange,
        modifiedFrom first: Int64,
        through last: Int64,
        _ body: (_ key: Bytes, _ version: Version, _ previous: Version?) -> Bool
    ) {
        self.forEachLeaf(in: range, where: { $0.newest >= first }) { leaf, slots in
            for slot in slots where leaf.header.latest(at: slot).modRevision >= first {
                let entry = Entry(leaf: leaf, slot: slot)
                let key = entry.key
                let goesOn = entry.forEachVersion(modifiedFrom: first, through: last) {
                    body(key, $0, $1)
                }
                if !goesOn { return false }
            }
            return true
        }
    }

    /// Visits the keys in `range` of which a compaction at `revision` removes something, ascending,
    /// until `body` returns false.
    ///
    /// Parts of the tree where each key has one version are not looked at.
    /// - Complexity: O(log `keyCount` · keys with more than one version or a tombstone).
    @inline(__always)
    package func forEachCompactable(
        in range: KeyRange = .all,
        at revision: Int64,
        _ body: (_ key: Bytes) -> Bool
    ) {
        self.forEachLeaf(in: range, where: \.hasCompactable) { leaf, slots in
            for slot in slots {
                let entry = Entry(leaf: leaf, slot: slot)
                if entry.compactableCount(at: revision) > 0, !body(entry.key) { return false }
            }
            return true
        }
    }

    /// Visits the slots of each leaf that hold keys of `range`, ascending, until `body` returns
    /// false.
    ///
    /// Subtrees whose summary does not satisfy `isWanted` are passed over.
    private func forEachLeaf(
        in range: KeyRange,
        where isWanted: (Summary) -> Bool,
        _ body: (Reference, Range<Int>) -> Bool
    ) {
        switch range {
        case .key(let key):
            guard let entry = self.entry(key) else { return }
            _ = body(entry.leaf, entry.slot..<entry.slot &+ 1)
        case .interval(let start, let end):
            if range.isEmpty { return }
            _ = self.root.forEachLeaf(from: start, to: end, where: isWanted, body)
        case .from(let start):
            _ = self.root.forEachLeaf(
                from: start.isEmpty ? nil : start,
                to: nil,
                where: isWanted,
                body
            )
        }
    }
}

extension KeyIndex.Reference {
    /// Visits the slots below this node whose keys are not less than `start` and less than `end`;
    /// nil is no bound.
    /// - Returns: false when `body` did.
    fileprivate func forEachLeaf(
        from start: Bytes?,
        to end: Bytes?,
        where isWanted: (KeyIndex.Summary) -> Bool,
        _ body: (KeyIndex.Reference, Range<Int>) -> Bool
    ) -> Bool {
        if self.header.isLeaf {
            let first = start.map { self.header.keys.find($0).slot } ?? 0
            let last = end.map { self.header.keys.find($0).slot } ?? self.header.count
            return first < last ? body(self, first..<last) : true
        }
        let first = start.map { self.header.keys.countUpTo($0) } ?? 0
        let last = end.map { self.header.keys.find($0).slot } ?? self.header.keys.count
        for position in first...last where isWanted(self.header.children[position].summary) {
            let goesOn = self.header.children[position].node.forEachLeaf(
                from: position == first ? start : nil,
                to: position == last ? end : nil,
                where: isWanted,
                body
            )
            if !goesOn { return false }
        }
        return true
    }

    /// Counts the live keys that are less than `key`.
    fileprivate func liveCount(below key: Bytes) -> Int {
        var count = 0
        var node: KeyIndex.Reference? = self
        while let next = node {
            node = next.read { node in
                let position = node.keys.find(key).slot
                count &+= node.liveCount(before: position)
                return node.isLeaf ? nil : node.children[position].node
            }
        }
        return count
    }
}
