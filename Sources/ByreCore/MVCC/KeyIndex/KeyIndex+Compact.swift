extension KeyIndex.Node {
    /// Removes the `count` oldest versions of `key`, and the key with its last version.
    ///
    /// The key is there.
    /// - Complexity: O(log n + versions removed).
    mutating func removeOldest(_ count: Int, of key: Bytes) {
        guard self.isLeaf else {
            let position = self.keys.countUpTo(key)
            makeUnique(&self.children[position].node)
            self.children[position].node.change { $0.removeOldest(count, of: key) }
            self.children[position].summary = self.children[position].node.header.summary
            if self.children[position].node.header.isUnderfull { self.refill(childAt: position) }
            return
        }
        self.settle()
        let slot = self.keys.find(key).slot
        if count <= (self.older.isEmpty ? 0 : self.older[slot].count) {
            self.older[slot].removeFirst(count)
        } else {
            self.keys.remove(at: slot)
            self.settled.remove(at: slot)
            if !self.older.isEmpty { self.older.remove(at: slot) }
        }
        if self.older.allSatisfy(\.isEmpty) { self.older = [] }
    }
}
