extension KeyIndex {
    /// A leaf, which holds keys and their versions, or a branch, which holds leaves or branches.
    ///
    /// The arrays of a copied node are shared until one of them changes, so that writing a key that
    /// exists copies no keys, and of the versions only the recent ones.
    ///
    /// **Invariant:** all leaves are equally deep; every node but the root has between `countMin`
    /// and `keysMax` keys (leaf) or `childrenMax` children (branch); a branch at the root has two.
    struct Node {
        /// The keys of a leaf, or what divides the children of a branch: the keys of child `i` are
        /// not less than separator `i - 1`, and less than separator `i`.
        var keys = KeyTable()
        /// Leaf: the versions of each key before that of `settled`; empty when no key has any.
        var older: ContiguousArray<VersionHistory> = []
        /// Leaf: the latest version of each key that is not among the recent ones.
        var settled: ContiguousArray<Version> = []
        /// Leaf: the versions of each key after that of `settled`.
        var recent = RecentVersions()
        /// Branch: one more than there are separators.
        var children: ContiguousArray<Child> = []

        var isLeaf: Bool { self.children.isEmpty }

        /// Keys of a leaf, children of a branch.
        var count: Int { self.isLeaf ? self.settled.count : self.children.count }

        /// The child that `key` belongs to; nil in a leaf.
        func child(holding key: Bytes) -> Child? {
            self.isLeaf ? nil : self.children[self.keys.countUpTo(key)]
        }

        /// Leaf: the latest version of a key.
        func latest(at slot: Int) -> Version {
            guard self.recent.contains(slot) else { return self.settled[slot] }
            return self.recent.latest(at: slot) ?? self.settled[slot]
        }

        /// Counts the live keys before a slot of a leaf or below the children before one of a branch.
        /// - Complexity: O(`position`).
        func liveCount(before position: Int) -> Int {
            guard self.isLeaf else {
                return self.children[..<position].reduce(0) { $0 &+ $1.summary.live }
            }
            var count = self.settled[..<position].count { !$0.isTombstone }
            if self.recent.isEmpty { return count }
            for slot in 0..<position where self.recent.contains(slot) {
                count &+= self.latest(at: slot).isTombstone ? 0 : 1
                count &-= self.settled[slot].isTombstone ? 0 : 1
            }
            return count
        }
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

        /// Reads the node, which the runtime does not check as it does for `header`.
        @inline(__always)
        func read<Result>(_ body: (borrowing Node) -> Result) -> Result {
            self.withUnsafeMutablePointerToHeader { body($0.pointee) }
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
    /// Most keys of a leaf.
    ///
    /// Measured with a million keys of 51 bytes put in random order: 32, 64 and 128 are equally
    /// fast and take 97, 87 and 83 MB.
    static let keysMax = RecentVersions.slotsMax
    /// Most children of a branch.
    ///
    /// A change copies a reference to each child of the branches on its way, which costs more than
    /// another level does.
    static let childrenMax = 16
    /// Fewest keys of a leaf and fewest children of a branch, the root aside.
    static let countMin = 4
    /// With fewer than this a node is joined with a neighbour, unless its keys are long.
    private var countLow: Int { self.countMax / 4 }
    /// A node whose keys are longer than this together is split while it has `2 * countMin`, for
    /// whoever inserts a key copies all of them.
    private static let keyBytesMax = 8192

    /// Most keys or children of this node.
    var countMax: Int { self.isLeaf ? Self.keysMax : Self.childrenMax }

    /// Whether the node must be split.
    var isOverfull: Bool {
        let count = self.count
        return count > self.countMax
            || (count >= 2 * Self.countMin && self.keys.byteCount > Self.keyBytesMax)
    }

    /// Whether the node should be joined with a neighbour.
    var isUnderfull: Bool {
        let count = self.count
        return count < Self.countMin
            || (count < self.countLow && self.keys.byteCount < Self.keyBytesMax / 4)
    }

    /// What the node holds.
    /// - Complexity: O(`count`).
    var summary: KeyIndex.Summary {
        var summary = KeyIndex.Summary()
        for child in self.children { summary.add(child.summary) }
        for version in self.settled { summary.add(KeyIndex.Step(previous: nil, version: version)) }
        for history in self.older { summary.versions &+= history.count }
        for (place, element) in self.recent.elements.enumerated() {
            let before = self.recent.elements[..<place].last { $0.slot == element.slot }?.version
            let previous = before ?? self.settled[element.slot]
            summary.add(KeyIndex.Step(previous: previous, version: element.version))
        }
        return summary
    }
}

// MARK: Settling

extension KeyIndex.Node {
    /// Puts the recent versions of a leaf where they belong. What changes a leaf otherwise than by a
    /// version of one of its keys begins with this.
    /// - Complexity: O(`count`).
    mutating func settle() {
        if self.recent.isEmpty { return }
        if self.older.isEmpty { self.reserveOlder() }
        for element in self.recent.elements {
            self.older[element.slot].append(self.settled[element.slot])
            self.settled[element.slot] = element.version
        }
        self.recent = RecentVersions()
    }

    /// Gives each key of a leaf a history.
    private mutating func reserveOlder() {
        self.older.reserveCapacity(self.settled.count)
        while self.older.count < self.settled.count { self.older.append(VersionHistory()) }
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
        self.settle()
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
    /// - Precondition: nothing is to be settled.
    private func part(_ range: Range<Int>, keys: Range<Int>) -> KeyIndex.Node {
        var part = KeyIndex.Node(keys: KeyTable(self.keys, keys))
        if self.isLeaf {
            part.settled = ContiguousArray(self.settled[range])
            if !self.older.isEmpty, !self.older[range].allSatisfy(\.isEmpty) {
                part.older = ContiguousArray(self.older[range])
            }
        } else {
            part.children = ContiguousArray(self.children[range])
        }
        return part
    }

    /// Appends the content of `node`, which follows this node in the order of keys.
    mutating func append(_ node: consuming KeyIndex.Node, separator: Bytes) {
        if self.isLeaf {
            self.settle()
            node.settle()
            if !node.older.isEmpty { self.reserveOlder() }
            self.settled.append(contentsOf: node.settled)
            self.older.append(contentsOf: node.older)
            if !self.older.isEmpty { self.reserveOlder() }
        } else {
            self.keys.insert(separator, at: self.keys.count)
            self.children.append(contentsOf: node.children)
        }
        self.keys.append(node.keys)
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
