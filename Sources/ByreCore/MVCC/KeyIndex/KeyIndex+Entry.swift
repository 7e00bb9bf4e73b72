extension KeyIndex {
    /// A key and its versions, as they are in one index.
    ///
    /// Refers to a leaf of that index, so that nothing is copied until it is asked for. Not to be
    /// kept: while it lives, a change of the index has to copy the leaf.
    package struct Entry {
        let leaf: Reference
        let slot: Int

        /// - Complexity: O(length of the key), with an allocation.
        package var key: Bytes { self.leaf.header.keys[self.slot] }

        /// The newest version, which may be a tombstone.
        package var latest: Version { self.leaf.read { $0.latest(at: self.slot) } }

        /// How many versions there are, from 1.
        package var versionCount: Int {
            self.olderCount &+ 1 &+ self.leaf.header.recent.count(at: self.slot)
        }

        /// All versions, ascending.
        /// - Complexity: O(`versionCount`).
        package var versions: [Version] {
            var versions: [Version] = []
            versions.reserveCapacity(self.versionCount)
            self.forEachVersion(from: 0) { versions.append($0) }
            return versions
        }

        /// Returns what a reader at `revision` sees: nil where the key does not exist.
        /// - Complexity: O(log `versionCount`).
        package func version(at revision: Int64) -> Version? {
            let latest = self.latest
            if latest.modRevision <= revision { return latest.isTombstone ? nil : latest }
            let count = self.count(through: revision)
            if count == 0 { return nil }
            let version = self.version(at: count &- 1)
            return version.isTombstone ? nil : version
        }
    }
}

// MARK: Positions

/// A version's position is the number of older ones: first come those of `older`, then the one of
/// `settled`, then the recent ones.
extension KeyIndex.Entry {
    private var olderCount: Int {
        self.leaf.header.older.isEmpty ? 0 : self.leaf.header.older[self.slot].count
    }

    private var settled: Version { self.leaf.header.settled[self.slot] }

    /// - Complexity: O(log `versionCount`).
    func version(at position: Int) -> Version {
        let olderCount = self.olderCount
        if position < olderCount { return self.leaf.header.older[self.slot][position] }
        var version = self.settled
        var left = position &- olderCount
        self.leaf.header.recent.forEach(at: self.slot) {
            guard left > 0 else { return false }
            version = $0
            left &-= 1
            return true
        }
        return version
    }

    /// Counts the versions whose main revision is `revision` or less.
    /// - Complexity: O(log `versionCount`).
    func count(through revision: Int64) -> Int {
        guard self.settled.modRevision <= revision else {
            return self.leaf.header.older.isEmpty
                ? 0 : self.leaf.header.older[self.slot].count(through: revision)
        }
        var count = self.olderCount &+ 1
        self.leaf.header.recent.forEach(at: self.slot) {
            guard $0.modRevision <= revision else { return false }
            count &+= 1
            return true
        }
        return count
    }

    /// Visits the versions from `position` on, ascending.
    func forEachVersion(from position: Int, _ body: (Version) -> Void) {
        let olderCount = self.olderCount
        if position < olderCount {
            self.leaf.header.older[self.slot].forEach(from: position, body)
        }
        if position <= olderCount { body(self.settled) }
        var skipped = Swift.max(position &- olderCount &- 1, 0)
        self.leaf.header.recent.forEach(at: self.slot) {
            if skipped > 0 { skipped &-= 1 } else { body($0) }
            return true
        }
    }

    /// Counts the oldest versions, which a compaction at `revision` removes.
    /// - Complexity: O(log `versionCount`).
    func compactableCount(at revision: Int64) -> Int {
        let passed = self.count(through: revision)
        if passed == 0 { return 0 }
        var kept = passed &- 1
        let newest = self.version(at: kept)
        if newest.modRevision < revision { return newest.isTombstone ? passed : kept }
        // A transaction may delete a key and put it again: the tombstone stays, as in etcd, whose
        // key index begins a new generation with it.
        var position = kept
        while position > 0 {
            position &-= 1
            let version = self.version(at: position)
            if version.modRevision < revision { break }
            if version.isTombstone { kept = position }
        }
        return kept
    }
}

extension KeyIndex.Entry {
    /// Visits the versions made by the revisions from `first` through `last`, ascending, each with
    /// what a reader at the revision before it saw.
    /// - Returns: false when `body` did.
    @inline(__always)
    func forEachVersion(
        modifiedFrom first: Int64,
        through last: Int64,
        _ body: (Version, _ previous: Version?) -> Bool
    ) -> Bool {
        guard self.latest.modRevision >= first else { return true }
        var position = first > 0 ? self.count(through: first &- 1) : 0
        var before: Version? = position == 0 ? nil : self.version(at: position &- 1)
        var visible = before
        while position < self.versionCount {
            let version = self.version(at: position)
            if version.modRevision > last { break }
            if version.modRevision != before?.modRevision { visible = before }
            if !body(version, visible.flatMap { $0.isTombstone ? nil : $0 }) { return false }
            before = version
            position &+= 1
        }
        return true
    }
}
