/// Intervals of keys, each with a payload, that answers which of them hold a key.
///
/// An AVL tree in the order of (start, end), each node knowing the greatest end of its subtree. Nodes
/// live in one array and name each other by index. An interval is in the tree once; whoever has
/// several things at the same interval keeps them in the payload.
package struct IntervalTree<Payload> {
    private struct Node {
        var start: Bytes
        /// First key after the interval; nil when there is no such key.
        var end: Bytes?
        /// Nil only while the node is free.
        var payload: Payload?
        var left: Int32 = -1
        var right: Int32 = -1
        /// The node of this subtree whose end is greatest.
        var furthest: Int32
        /// Levels of this subtree; a leaf has 1.
        var height: Int32 = 1
    }

    private var nodes: [Node] = []
    private var free: [Int32] = []
    private var root: Int32 = -1

    package init() {}

    package var count: Int { self.nodes.count - self.free.count }

    /// Adds an interval that is not in the tree yet.
    /// - Complexity: O(log `count`).
    package mutating func insert(start: Bytes, end: Bytes?, _ payload: Payload) {
        let index: Int32
        if let reused = self.free.popLast() {
            index = reused
            self.nodes[Int(index)] = Node(
                start: start,
                end: end,
                payload: payload,
                furthest: index
            )
        } else {
            index = Int32(self.nodes.count)
            self.nodes.append(Node(start: start, end: end, payload: payload, furthest: index))
        }
        self.root = self.inserting(index, under: self.root)
    }

    /// Takes out an interval that is in the tree.
    /// - Complexity: O(log `count`).
    package mutating func remove(start: Bytes, end: Bytes?) {
        var removed: Int32 = -1
        self.root = self.removing(start, end, under: self.root, removed: &removed)
        precondition(removed >= 0, "the interval is in the tree")
        self.nodes[Int(removed)] = Node(start: [], end: nil, payload: nil, furthest: removed)
        self.free.append(removed)
        if self.free.count == self.nodes.count {
            self.nodes = []
            self.free = []
        }
    }

    /// Appends the payload of every interval that holds `key`.
    /// - Complexity: O((matches + 1) · log `count`), at most O(`count`).
    package func stab(_ key: Bytes, into matches: inout [Payload]) {
        self.stab(key, under: self.root, into: &matches)
    }

    private func stab(_ key: Bytes, under top: Int32, into matches: inout [Payload]) {
        var at = top
        while at >= 0 {
            let index = Int(at)
            let furthest = Int(self.nodes[index].furthest)
            // Everything below ends before the key.
            if !Self.isInside(key, end: self.nodes[furthest].end) { return }
            self.stab(key, under: self.nodes[index].left, into: &matches)
            // This one, and everything to its right, starts after the key.
            if compareBytes(self.nodes[index].start, key) > 0 { return }
            if Self.isInside(key, end: self.nodes[index].end),
                let payload = self.nodes[index].payload
            {
                matches.append(payload)
            }
            at = self.nodes[index].right
        }
    }

    private static func isInside(_ key: Bytes, end: Bytes?) -> Bool {
        guard let end else { return true }
        return compareBytes(key, end) < 0
    }

    // MARK: Order

    private static func compareEnds(_ a: Bytes?, _ b: Bytes?) -> Int {
        switch (a, b) {
        case (nil, nil): 0
        case (nil, _): 1
        case (_, nil): -1
        case (let a?, let b?): compareBytes(a, b)
        }
    }

    private func compare(_ start: Bytes, _ end: Bytes?, with index: Int32) -> Int {
        let starts = compareBytes(start, self.nodes[Int(index)].start)
        return starts != 0 ? starts : Self.compareEnds(end, self.nodes[Int(index)].end)
    }

    // MARK: Shape

    private mutating func inserting(_ new: Int32, under top: Int32) -> Int32 {
        if top < 0 { return new }
        let order = self.compare(
            self.nodes[Int(new)].start,
            self.nodes[Int(new)].end,
            with: top
        )
        precondition(order != 0, "the interval is not in the tree")
        if order < 0 {
            self.nodes[Int(top)].left = self.inserting(new, under: self.nodes[Int(top)].left)
        } else {
            self.nodes[Int(top)].right = self.inserting(new, under: self.nodes[Int(top)].right)
        }
        return self.balanced(top)
    }

    private mutating func removing(
        _ start: Bytes,
        _ end: Bytes?,
        under top: Int32,
        removed: inout Int32
    ) -> Int32 {
        if top < 0 { return top }
        let order = self.compare(start, end, with: top)
        if order < 0 {
            self.nodes[Int(top)].left = self.removing(
                start,
                end,
                under: self.nodes[Int(top)].left,
                removed: &removed
            )
            return self.balanced(top)
        }
        if order > 0 {
            self.nodes[Int(top)].right = self.removing(
                start,
                end,
                under: self.nodes[Int(top)].right,
                removed: &removed
            )
            return self.balanced(top)
        }
        removed = top
        let left = self.nodes[Int(top)].left
        let right = self.nodes[Int(top)].right
        if left < 0 { return right }
        if right < 0 { return left }
        // The next interval in order takes the place.
        var next: Int32 = -1
        let rest = self.removingLeast(under: right, removed: &next)
        self.nodes[Int(next)].left = left
        self.nodes[Int(next)].right = rest
        return self.balanced(next)
    }

    private mutating func removingLeast(under top: Int32, removed: inout Int32) -> Int32 {
        let left = self.nodes[Int(top)].left
        if left < 0 {
            removed = top
            return self.nodes[Int(top)].right
        }
        self.nodes[Int(top)].left = self.removingLeast(under: left, removed: &removed)
        return self.balanced(top)
    }

    private func height(_ index: Int32) -> Int32 {
        index < 0 ? 0 : self.nodes[Int(index)].height
    }

    private func lean(_ index: Int32) -> Int32 {
        self.height(self.nodes[Int(index)].left) - self.height(self.nodes[Int(index)].right)
    }

    /// Restores height, `furthest` and balance of `top`, whose subtrees are right already.
    private mutating func balanced(_ top: Int32) -> Int32 {
        let lean = self.lean(top)
        if lean > 1 {
            if self.lean(self.nodes[Int(top)].left) < 0 {
                self.nodes[Int(top)].left = self.rotatedLeft(self.nodes[Int(top)].left)
            }
            return self.rotatedRight(top)
        }
        if lean < -1 {
            if self.lean(self.nodes[Int(top)].right) > 0 {
                self.nodes[Int(top)].right = self.rotatedRight(self.nodes[Int(top)].right)
            }
            return self.rotatedLeft(top)
        }
        self.summarize(top)
        return top
    }

    private mutating func rotatedLeft(_ top: Int32) -> Int32 {
        let right = self.nodes[Int(top)].right
        self.nodes[Int(top)].right = self.nodes[Int(right)].left
        self.nodes[Int(right)].left = top
        self.summarize(top)
        self.summarize(right)
        return right
    }

    private mutating func rotatedRight(_ top: Int32) -> Int32 {
        let left = self.nodes[Int(top)].left
        self.nodes[Int(top)].left = self.nodes[Int(left)].right
        self.nodes[Int(left)].right = top
        self.summarize(top)
        self.summarize(left)
        return left
    }

    private mutating func summarize(_ index: Int32) {
        let left = self.nodes[Int(index)].left
        let right = self.nodes[Int(index)].right
        self.nodes[Int(index)].height = 1 + max(self.height(left), self.height(right))
        var furthest = index
        for child in [left, right] where child >= 0 {
            let candidate = self.nodes[Int(child)].furthest
            let order = Self.compareEnds(
                self.nodes[Int(candidate)].end,
                self.nodes[Int(furthest)].end
            )
            if order > 0 { furthest = candidate }
        }
        self.nodes[Int(index)].furthest = furthest
    }

    // MARK: Check

    /// Checks order, balance and summaries.
    /// - Returns: what is wrong, or nil.
    /// - Complexity: O(`count`).
    package func violation() -> String? {
        var seen = 0
        var last: Int32 = -1
        func walk(_ at: Int32) -> (height: Int32, problem: String?) {
            if at < 0 { return (0, nil) }
            let node = self.nodes[Int(at)]
            let left = walk(node.left)
            if let problem = left.problem { return (0, problem) }
            if last >= 0, self.compare(node.start, node.end, with: last) <= 0 {
                return (0, "\(node.start) is out of order")
            }
            last = at
            seen += 1
            let right = walk(node.right)
            if let problem = right.problem { return (0, problem) }
            if abs(left.height - right.height) > 1 { return (0, "\(node.start) leans") }
            let height = 1 + max(left.height, right.height)
            if node.height != height { return (0, "\(node.start) has a wrong height") }
            var furthest = node.end
            for child in [node.left, node.right] where child >= 0 {
                let end = self.nodes[Int(self.nodes[Int(child)].furthest)].end
                if Self.compareEnds(end, furthest) > 0 { furthest = end }
            }
            if furthest != self.nodes[Int(node.furthest)].end {
                return (0, "\(node.start) has a wrong greatest end")
            }
            return (height, nil)
        }
        let problem = walk(self.root).problem
        if problem != nil { return problem }
        return seen == self.count ? nil : "\(seen) nodes reached of \(self.count)"
    }
}
