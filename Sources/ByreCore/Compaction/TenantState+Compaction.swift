extension TenantState {
    /// Removes from the index what the compaction at `compactRevision` made unreachable of `keys`.
    ///
    /// A compaction takes effect at once for readers, when `compactRevision` rises; this is the slow
    /// part, done in slices. The rows may be deleted once no reader needs them any more.
    /// - Returns: the rows of the removed versions, ascending; without those of tombstones, which are
    ///   among `tombstones` if that is given.
    /// - Complexity: O(*k* log *n*) for *k* keys.
    package mutating func removeCompacted(
        _ keys: some Sequence<Bytes>,
        tombstones: inout [RowID]?
    ) -> [RowID] {
        var rows: [RowID] = []
        var freed: Int64 = 0
        for key in keys {
            self.index.compact(key, at: self.compactRevision) { version in
                if version.isTombstone, tombstones != nil {
                    tombstones?.append(version.row)
                } else {
                    rows.append(version.row)
                }
                freed += StoredSize.version(keyCount: key.count, valueSize: version.valueSize)
            }
        }
        self.usedBytes -= freed
        rows.sort()
        tombstones?.sort()
        return rows
    }

    /// ``removeCompacted(_:tombstones:)`` with all rows in one list.
    package mutating func removeCompacted(_ keys: some Sequence<Bytes>) -> [RowID] {
        var tombstones: [RowID]?
        return self.removeCompacted(keys, tombstones: &tombstones)
    }
}
