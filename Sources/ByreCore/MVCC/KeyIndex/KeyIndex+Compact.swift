extension KeyIndex.Node {
    /// Removes the `count` oldest versions of `key`, and the key with its last version. The node is
    /// referenced once, and holds the key.
    /// - Complexity: O(log n + versions removed).
    func removeOldest(_ count: Int, of key: Bytes) {
        guard self.isLeaf else {
            let position = self.keys.countUpTo(key)
            KeyIndex.Node.makeUnique(&self.children[position])
            self.children[position].removeOldest(count, of: key)
            self.summaries[position] = self.children[position].summary
            if self.children[position].isUnderfull { self.refill(childAt: position) }
            return
        }
        let slot = self.keys.find(key).slot
        if count <= (self.older.isEmpty ? 0 : self.older[slot].count) {
            self.older[slot].removeFirst(count)
        } else {
            self.keys.remove(at: slot)
            self.latest.remove(at: slot)
            if !self.older.isEmpty { self.older.remove(at: slot) }
        }
        if self.older.allSatisfy(\.isEmpty) { self.older = [] }
    }
}
