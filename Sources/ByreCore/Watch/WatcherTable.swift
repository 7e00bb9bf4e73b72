/// Finds the watchers of a key: a hash table for single keys, an interval tree for ranges.
struct WatcherTable {
    private var keys: [Bytes: WatcherGroup] = [:]
    private var ranges: [KeyRange: WatcherGroup] = [:]
    private var tree = IntervalTree<WatcherGroup>()

    init() {}

    /// The group of a range, made if there is none.
    /// - Complexity: O(log groups).
    mutating func group(of range: KeyRange) -> WatcherGroup {
        switch range {
        case .key(let key):
            if let group = self.keys[key] { return group }
            let group = WatcherGroup(range: range)
            self.keys[key] = group
            return group
        case .interval(let start, let end):
            return self.group(of: range, start: start, end: end)
        case .from(let start):
            return self.group(of: range, start: start, end: nil)
        }
    }

    private mutating func group(of range: KeyRange, start: Bytes, end: Bytes?) -> WatcherGroup {
        if let group = self.ranges[range] { return group }
        let group = WatcherGroup(range: range)
        self.ranges[range] = group
        self.tree.insert(start: start, end: end, group)
        return group
    }

    /// Forgets a group that has no member left.
    /// - Complexity: O(log groups).
    mutating func remove(_ group: WatcherGroup) {
        switch group.range {
        case .key(let key):
            self.keys[key] = nil
        case .interval(let start, let end):
            self.ranges[group.range] = nil
            self.tree.remove(start: start, end: end)
        case .from(let start):
            self.ranges[group.range] = nil
            self.tree.remove(start: start, end: nil)
        }
    }

    /// Appends the groups whose range holds `key`.
    /// - Complexity: O(log groups + matches).
    func groups(of key: Bytes, into matches: inout [WatcherGroup]) {
        if !self.keys.isEmpty, let group = self.keys[key] { matches.append(group) }
        self.tree.stab(key, into: &matches)
    }

    /// Breaks the references between groups and watchers.
    mutating func dissolve() {
        for group in self.keys.values { group.dissolve() }
        for group in self.ranges.values { group.dissolve() }
        self = WatcherTable()
    }
}
