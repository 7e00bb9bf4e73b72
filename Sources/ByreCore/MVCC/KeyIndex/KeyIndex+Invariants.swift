extension KeyIndex {
    /// What is wrong with an index: our own bug, or memory that lies.
    package struct InvariantViolation: Error, CustomStringConvertible {
        package let description: String
    }

    /// The size of a tree, in nodes.
    package struct Shape: Hashable, Sendable {
        /// Levels of branches above the leaves.
        package var depth = 0
        package var leaves = 0
        package var branches = 0
    }

    /// Checks that the tree is well formed and that all sums are right.
    /// - Throws: the first violation found.
    /// - Complexity: O(`versionCount`).
    @discardableResult
    package func checkInvariants() throws(InvariantViolation) -> Shape {
        var check = Check()
        let found = try check.node(self.root, depth: 0, from: nil, to: nil)
        try expect(found == self.summary, "the index sums up to \(self.summary), not \(found)")
        try expect(check.keys == self.keyCount, "\(check.keys) keys counted as \(self.keyCount)")
        return check.shape
    }
}

/// Throws unless `condition` holds.
private func expect(
    _ condition: Bool,
    _ description: @autoclosure () -> String
) throws(KeyIndex.InvariantViolation) {
    if !condition { throw KeyIndex.InvariantViolation(description: description()) }
}

/// What a check of all nodes carries along.
private struct Check {
    var keys = 0
    var shape = KeyIndex.Shape()

    /// Checks a subtree whose keys must not be less than `start` and be less than `end`.
    /// - Returns: what it holds.
    mutating func node(
        _ reference: KeyIndex.Reference,
        depth: Int,
        from start: Bytes?,
        to end: Bytes?
    ) throws(KeyIndex.InvariantViolation) -> KeyIndex.Summary {
        let node = reference.header
        let least = depth > 0 ? KeyIndex.Node.countMin : node.isLeaf ? 0 : 2
        try expect(
            (least...node.countMax).contains(node.count),
            "a node at depth \(depth) has a count of \(node.count)"
        )
        for slot in 0..<node.keys.count {
            let low = slot == 0 ? start : node.keys[slot - 1]
            let key = node.keys[slot]
            if let low {
                let order = compareBytes(low, key)
                // A key may equal the separator on its left, which is nothing else's place.
                try expect(
                    order < 0 || (order == 0 && slot == 0 && node.isLeaf),
                    "\(key) comes after \(low)"
                )
            }
            if let end { try expect(compareBytes(key, end) < 0, "\(key) comes before \(end)") }
        }
        return node.isLeaf
            ? try self.leaf(reference, depth: depth)
            : try self.branch(node, depth: depth, from: start, to: end)
    }

    private mutating func leaf(
        _ reference: KeyIndex.Reference,
        depth: Int
    ) throws(KeyIndex.InvariantViolation) -> KeyIndex.Summary {
        let leaf = reference.header
        let count = leaf.settled.count
        try expect(
            self.shape.leaves == 0 || depth == self.shape.depth,
            "leaves at depths \(depth) and \(self.shape.depth)"
        )
        try expect(leaf.keys.count == count, "\(leaf.keys.count) keys have \(count) versions")
        try expect(
            leaf.older.isEmpty || leaf.older.count == count,
            "\(count) keys have \(leaf.older.count) histories"
        )
        try expect(
            leaf.older.isEmpty || !leaf.older.allSatisfy(\.isEmpty),
            "a leaf keeps histories that are all empty"
        )
        try expect(leaf.older.allSatisfy(\.isWellJoined), "a history is in pieces")
        try expect(
            leaf.recent.elements.count <= RecentVersions.countMax
                && leaf.recent.elements.allSatisfy {
                    $0.slot < count && leaf.recent.contains($0.slot)
                },
            "the recent versions are not those of \(count) keys"
        )
        self.shape.depth = depth
        self.shape.leaves += 1
        self.keys += count
        for slot in 0..<count {
            let entry = KeyIndex.Entry(leaf: reference, slot: slot)
            let versions = entry.versions
            try expect(versions.count == entry.versionCount, "\(entry.key): versions miscounted")
            for (older, newer) in zip(versions, versions.dropFirst()) {
                try expect(
                    older.revision < newer.revision,
                    "\(entry.key): \(older.revision) comes before \(newer.revision)"
                )
            }
        }
        return leaf.summary
    }

    private mutating func branch(
        _ branch: KeyIndex.Node,
        depth: Int,
        from start: Bytes?,
        to end: Bytes?
    ) throws(KeyIndex.InvariantViolation) -> KeyIndex.Summary {
        let count = branch.children.count
        self.shape.branches += 1
        try expect(
            branch.keys.count == count - 1,
            "\(branch.keys.count) separators part \(count) children"
        )
        try expect(
            branch.settled.isEmpty && branch.older.isEmpty && branch.recent.isEmpty,
            "a branch has versions"
        )
        for position in 0..<count {
            let found = try self.node(
                branch.children[position].node,
                depth: depth + 1,
                from: position == 0 ? start : branch.keys[position - 1],
                to: position == count - 1 ? end : branch.keys[position]
            )
            try expect(
                found == branch.children[position].summary,
                "\(branch.children[position].summary) stands for \(found)"
            )
        }
        return branch.summary
    }
}
