extension KeyIndex {
    /// A leaf, which holds keys and their versions, or a branch, which holds leaves or branches.
    ///
    /// The arrays of a copied node are shared until one of them changes, so that writing a key that
    /// exists copies no keys.
    ///
    /// **Invariant:** all leaves are equally deep; every node but the root has between `countMin`
    /// and `countMax` keys (leaf) or children (branch); a branch at the root has two.
    struct Node {
        /// The keys of a leaf, or what divides the children of a branch: the keys of child `i` are
        /// not less than separator `i - 1`, and less than separator `i`.
        var keys = KeyTable()
        /// Leaf: the latest version of each key.
        var latest: ContiguousArray<Version> = []
        /// Leaf: the versions of each key before the latest; empty when no key has any.
        var older: ContiguousArray<VersionHistory> = []
        /// Branch: one more than there are separators.
        var children: ContiguousArray<Child> = []

        var isLeaf: Bool { self.children.isEmpty }

        /// Keys of a leaf, children of a branch.
        var count: Int { self.isLeaf ? self.latest.count : self.children.count }
    }

    /// A node below a branch, and what it holds.
    struct Child {
        var node: Reference
        var summary: Summary

        /// - Complexity: O(`count` of the node).
        init(_ node: Reference) {
            self.node = node
            self.summary = node.header.summary
        }
    }

    /// What refers to a node, in `header`.
    ///
    /// A node may be part of many indexes at once, so it is changed only while there is exactly one
    /// reference to it. A `ManagedBuffer`, because the runtime checks every access to a property of
    /// other classes for exclusivity, which cost a third of the time of a put.
    final class Reference: ManagedBuffer<Node, Void> {
        static func to(_ node: Node) -> Reference {
            unsafeDowncast(
                Reference.create(minimumCapacity: 0) { _ in node },
                to: Reference.self
            )
        }

        /// Changes the node.
        @inline(__always)
        func change<Result>(_ body: (inout Node) -> Result) -> Result {
            self.withUnsafeMutablePointerToHeader { body(&$0.pointee) }
        }
    }

    /// What a subtree holds.
    struct Summary: Equatable {
        /// Keys whose latest version is not a tombstone.
        var live = 0
        /// All versions, tombstones included.
        var versions = 0
        /// The newest main revision, or 0.
        var newest: Int64 = 0

        /// Whether a compaction may find something to remove: an older version or a tombstone.
        var hasCompactable: Bool { self.versions > self.live }

        mutating func add(_ other: Summary) {
            self.live &+= other.live
            self.versions &+= other.versions
            self.newest = max(self.newest, other.newest)
        }

        /// Notes what became of a key.
        mutating func add(_ step: Step) {
            let wasLive = step.previous.map { !$0.isTombstone } ?? false
            self.live &+= (step.version.isTombstone ? 0 : 1) &- (wasLive ? 1 : 0)
            self.versions &+= 1
            self.newest = max(self.newest, step.version.modRevision)
        }
    }

    /// A version that became the latest of its key.
    package struct Step {
        /// The latest one before.
        package let previous: Version?
        package let version: Version
    }
}

/// Makes the node of `reference` safe to change: copies it if others refer to it.
func makeUnique(_ reference: inout KeyIndex.Reference) {
    if !isKnownUniquelyReferenced(&reference) { reference = .to(reference.header) }
}

// MARK: Bounds

extension KeyIndex.Node {
    /// Most keys of a leaf and most children of a branch.
    ///
    /// Measured with a million keys of 51 bytes put in random order: 32, 64 and 128 are equally
    /// fast and take 97, 87 and 83 MB. What a change has to copy grows with the number.
    static let countMax = 64
    /// Fewest keys of a leaf and fewest children of a branch, the root aside.
    static let countMin = 4
    /// With fewer than this a node is joined with a neighbour, unless its keys are long.
    private static let countLow = 16
    /// A node whose keys are longer than this together is split while it has `2 * countMin`, for
    /// whoever inserts a key copies all of them.
    private static let keyBytesMax = 8192

    /// Whether the node must be split.
    var isOverfull: Bool {
        let count = self.count
        return count > Self.countMax
            || (count >= 2 * Self.countMin && self.keys.byteCount > Self.keyBytesMax)
    }

    /// Whether the node should be joined with a neighbour.
    var isUnderfull: Bool {
        let count = self.count
        return count < Self.countMin
            || (count < Self.countLow && self.keys.byteCount < Self.keyBytesMax / 4)
    }

    /// What the node holds.
    /// - Complexity: O(`count`).
    var summary: KeyIndex.Summary {
        var summary = KeyIndex.Summary()
        for child in self.children { summary.add(child.summary) }
        for version in self.latest { summary.add(KeyIndex.Step(previous: nil, version: version)) }
        for history in self.older { summary.versions &+= history.count }
        return summary
    }
}

// MARK: Splitting and joining

extension KeyIndex.Node {
    /// The right half of a node that was split, and what divides it from the left half.
    struct Split {
        var separator: Bytes
        var right: KeyIndex.Node
    }

    /// Moves the keys or children from `position` on into a new node.
    mutating func split(at position: Int) -> Split {
        let whole = self
        let isLeaf = whole.isLeaf
        let right = position..<whole.count
        self = whole.part(0..<position, keys: 0..<(isLeaf ? position : position &- 1))
        return Split(
            separator: isLeaf
                ? shortestSeparator(between: whole.keys[position &- 1], and: whole.keys[position])
                : whole.keys[position &- 1],
            right: whole.part(right, keys: position..<whole.keys.count)
        )
    }

    /// A copy of some of the keys or children, with no room to spare.
    private func part(_ range: Range<Int>, keys: Range<Int>) -> KeyIndex.Node {
        var part = KeyIndex.Node(keys: KeyTable(self.keys, keys))
        if self.isLeaf {
            part.latest = ContiguousArray(self.latest[range])
            if !self.older.isEmpty, !self.older[range].allSatisfy(\.isEmpty) {
                part.older = ContiguousArray(self.older[range])
            }
        } else {
            part.children = ContiguousArray(self.children[range])
        }
        return part
    }

    /// Appends the content of `node`, which follows this node in the order of keys.
    mutating func append(_ node: KeyIndex.Node, separator: Bytes) {
        if self.isLeaf {
            if !node.older.isEmpty { self.reserveOlder() }
            self.latest.append(contentsOf: node.latest)
            self.older.append(contentsOf: node.older)
            if !self.older.isEmpty { self.reserveOlder() }
        } else {
            self.keys.insert(separator, at: self.keys.count)
            self.children.append(contentsOf: node.children)
        }
        self.keys.append(node.keys)
    }

    /// Gives each key of a leaf a history.
    mutating func reserveOlder() {
        self.older.reserveCapacity(self.latest.count)
        while self.older.count < self.latest.count { self.older.append(VersionHistory()) }
    }

    /// Joins the child at `position` with a neighbour, and divides them again if that is too much.
    mutating func refill(childAt position: Int) {
        let left = max(position &- 1, 0)
        guard left &+ 1 < self.children.count else { return }
        var joined = self.children[left].node.header
        joined.append(self.children[left &+ 1].node.header, separator: self.keys[left])
        self.keys.remove(at: left)
        self.children.remove(at: left &+ 1)
        if joined.isOverfull { self.adopt(joined.split(at: joined.count / 2), after: left) }
        self.children[left] = KeyIndex.Child(.to(joined))
    }

    /// Inserts the right half of the child at `position`.
    mutating func adopt(_ split: Split, after position: Int) {
        self.keys.insert(split.separator, at: position)
        self.children.insertTightly(KeyIndex.Child(.to(split.right)), at: position &+ 1)
    }
}

/// Returns the shortest byte string that is greater than `left` and not greater than `right`.
private func shortestSeparator(between left: Bytes, and right: Bytes) -> Bytes {
    var shared = 0
    while shared < left.count, left[shared] == right[shared] { shared &+= 1 }
    return Bytes(right[...shared])
}
