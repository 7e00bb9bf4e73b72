import ByreCore

/// The prefixes of all tenants, of which none begins another.
struct PrefixSet {
    private struct Entry {
        let prefix: Bytes
        let tenant: TenantID
    }

    /// Sorted by prefix.
    private var entries: [Entry] = []

    /// A tenant whose prefix begins with `prefix`, or is the beginning of it.
    ///
    /// Between a prefix and what it begins there are only others that it begins, so whom `prefix`
    /// overlaps is next to it.
    /// - Complexity: O(log tenants).
    func overlap(with prefix: Bytes) -> TenantID? {
        let place = self.place(of: prefix)
        if place < self.entries.count, self.entries[place].prefix.starts(with: prefix) {
            return self.entries[place].tenant
        }
        if place > 0, prefix.starts(with: self.entries[place - 1].prefix) {
            return self.entries[place - 1].tenant
        }
        return nil
    }

    mutating func insert(_ prefix: Bytes, of tenant: TenantID) {
        self.entries.insert(Entry(prefix: prefix, tenant: tenant), at: self.place(of: prefix))
    }

    mutating func remove(_ tenant: TenantID) {
        self.entries.removeAll { $0.tenant == tenant }
    }

    /// Index of the first prefix that is not before `prefix`.
    private func place(of prefix: Bytes) -> Int {
        var low = 0
        var high = self.entries.count
        while low < high {
            let middle = (low + high) / 2
            if compareBytes(self.entries[middle].prefix, prefix) < 0 {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
