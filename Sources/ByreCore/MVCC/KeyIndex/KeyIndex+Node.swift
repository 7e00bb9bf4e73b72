extension KeyIndex {
    /// A leaf, which holds keys and their versions, or a branch, which holds leaves or branches.
    ///
    /// A node may be part of many indexes at once. It is changed in place only while exactly one
    /// reference to it exists, and copied first otherwise; its arrays are then shared until one of
    /// them changes, so that writing a key that exists copies no keys.
    ///
    /// **Invariant:** all leaves are equally deep; every node but the root has between
    /// `countMin` and `countMax` keys (leaf) or children (branch); a branch at the root has two.
    ///
    /// Safe to send: a node with two references is never written again, and the owner of the only
    /// one is the only thread that can reach the node.
    final class Node: @unchecked Sendable {
        /// Leaf: its keys. Branch: what divides its children; the keys of child `i` are not less
        /// than separator `i - 1` and less than separator `i`.
        var keys: KeyTable
        /// Leaf: the latest version of each key.
        var latest: ContiguousArray<Version>
        /// Leaf: the versions of each key before the latest; empty when no key has any.
        var older: ContiguousArray<VersionHistory>
        /// Branch: one more than there are separators.
        var children: ContiguousArray<Node>
        /// Branch: what is in each child.
        var summaries: ContiguousArray<Summary>

        /// A leaf.
        init(
            keys: KeyTable = KeyTable(),
            latest: ContiguousArray<Version> = [],
            older: ContiguousArray<VersionHistory> = []
        ) {
            self.keys = keys
            self.latest = latest
            self.older = older
            self.children = []
            self.summaries = []
        }

        /// A branch.
        init(
            separators: KeyTable,
            children: ContiguousArray<Node>,
            summaries: ContiguousArray<Summary>
        ) {
            self.keys = separators
            self.latest = []
            self.older = []
            self.children = children
            self.summaries = summaries
        }

        /// The same content under a reference of its own.
        private init(_ node: Node) {
            self.keys = node.keys
            self.latest = node.latest
            self.older = node.older
            self.children = node.children
            self.summaries = node.summaries
        }

        var isLeaf: Bool { self.children.isEmpty }

        /// Keys of a leaf, children of a branch.
        var count: Int { self.isLeaf ? self.latest.count : self.children.count }

        /// Makes `node` safe to change.
        static func makeUnique(_ node: inout Node) {
            if !isKnownUniquelyReferenced(&node) { node = Node(node) }
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

        /// Notes that `version` became the latest of a key, after `previous`.
        mutating func add(_ version: Version, after previous: Version?) {
            let wasLive = previous.map { !$0.isTombstone } ?? false
            self.live &+= (version.isTombstone ? 0 : 1) &- (wasLive ? 1 : 0)
            self.versions &+= 1
            self.newest = max(self.newest, version.modRevision)
        }
    }
}

// MARK: Bounds

extension KeyIndex.Node {
    /// Most keys of a leaf and most children of a branch. Chosen by measurement: wider nodes make
    /// reads a little faster and copying a path much slower.
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
        for child in self.summaries { summary.add(child) }
        for version in self.latest { summary.add(version, after: nil) }
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
    func split(at position: Int) -> Split {
        let left = 0..<position
        let right = position..<self.count
        if self.isLeaf {
            let split = Split(
                separator: shortestSeparator(
                    between: self.keys[position &- 1],
                    and: self.keys[position]
                ),
                right: KeyIndex.Node(
                    keys: KeyTable(self.keys, right),
                    latest: ContiguousArray(self.latest[right]),
                    older: self.histories(at: right)
                )
            )
            self.keys = KeyTable(self.keys, left)
            self.latest = ContiguousArray(self.latest[left])
            self.older = self.histories(at: left)
            return split
        }
        let split = Split(
            separator: self.keys[position &- 1],
            right: KeyIndex.Node(
                separators: KeyTable(self.keys, position..<self.keys.count),
                children: ContiguousArray(self.children[right]),
                summaries: ContiguousArray(self.summaries[right])
            )
        )
        self.keys = KeyTable(self.keys, 0..<position &- 1)
        self.children = ContiguousArray(self.children[left])
        self.summaries = ContiguousArray(self.summaries[left])
        return split
    }

    /// Appends the content of `node`, which follows this node in the order of keys.
    func append(_ node: KeyIndex.Node, separator: Bytes) {
        if self.isLeaf {
            if !(self.older.isEmpty && node.older.isEmpty) {
                self.reserveOlder()
                self.older.append(contentsOf: node.older)
                self.latest.append(contentsOf: node.latest)
                if node.older.isEmpty { self.reserveOlder() }
            } else {
                self.latest.append(contentsOf: node.latest)
            }
        } else {
            self.keys.insert(separator, at: self.keys.count)
            self.children.append(contentsOf: node.children)
            self.summaries.append(contentsOf: node.summaries)
        }
        self.keys.append(node.keys)
    }

    /// The histories of the keys at `slots`, or none if all are empty.
    func histories(at slots: Range<Int>) -> ContiguousArray<VersionHistory> {
        if self.older.isEmpty || self.older[slots].allSatisfy(\.isEmpty) { return [] }
        return ContiguousArray(self.older[slots])
    }

    /// Gives each key of a leaf a history.
    func reserveOlder() {
        self.older.reserveCapacity(self.latest.count)
        while self.older.count < self.latest.count { self.older.append(VersionHistory()) }
    }

    /// Joins the child at `position` with a neighbour, and divides them again if that is too much.
    func refill(childAt position: Int) {
        let left = max(position &- 1, 0)
        guard left &+ 1 < self.children.count else { return }
        KeyIndex.Node.makeUnique(&self.children[left])
        let joined = self.children[left]
        joined.append(self.children[left &+ 1], separator: self.keys[left])
        self.keys.remove(at: left)
        self.children.remove(at: left &+ 1)
        self.summaries.remove(at: left &+ 1)
        if joined.isOverfull { self.adopt(joined.split(at: joined.count / 2), after: left) }
        self.summaries[left] = joined.summary
    }

    /// Inserts the right half of the child at `position`.
    func adopt(_ split: Split, after position: Int) {
        self.keys.insert(split.separator, at: position)
        self.children.insertTightly(split.right, at: position &+ 1)
        self.summaries.insertTightly(split.right.summary, at: position &+ 1)
    }
}

/// Returns the shortest byte string that is greater than `left` and not greater than `right`.
private func shortestSeparator(between left: Bytes, and right: Bytes) -> Bytes {
    var shared = 0
    while shared < left.count, left[shared] == right[shared] { shared &+= 1 }
    return Bytes(right[...shared])
}
