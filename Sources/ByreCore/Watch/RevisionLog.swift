import DequeModule

/// What changed at each uncompacted revision of a tenant, in revision order: keys only.
///
/// Watchers that catch up read it to learn which versions to load; the compactor, to learn which
/// keys have garbage. Records are 16 bytes, in chunks of ``chunkRecords``; the key's bytes are
/// shared with the index when the same array is given to both.
package struct RevisionLog {
    struct Record {
        var key: Bytes
        /// Distance of the main revision from the chunk's `base`.
        var offset: UInt32
        var sub: UInt32
    }

    struct Chunk {
        /// Main revision of the first record.
        var base: Int64
        var records: ContiguousArray<Record>

        /// Index of the first record at `main` or later.
        /// - Complexity: O(log `records.count`).
        func firstIndex(from main: Int64) -> Int {
            if main <= self.base { return 0 }
            var low = 0
            var high = self.records.count
            while low < high {
                let middle = (low + high) / 2
                if self.base + Int64(self.records[middle].offset) < main {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            return low
        }

        var lastMain: Int64 {
            self.base + Int64(self.records[self.records.count - 1].offset)
        }
    }

    /// Records in a chunk: 16 KiB.
    static let chunkRecords = 1024

    /// In order; none is empty.
    var chunks: Deque<Chunk> = []

    /// Number of records held.
    package private(set) var count = 0

    package init() {}

    /// The newest revision recorded.
    package var lastRevision: Int64? { self.chunks.last?.lastMain }

    /// Adds a change after all others.
    /// - Complexity: O(1), amortized.
    package mutating func append(_ key: Bytes, at revision: Revision) {
        let last = self.chunks.count - 1
        if last >= 0 {
            precondition(revision.main >= self.chunks[last].lastMain, "revisions are in order")
            let offset = revision.main - self.chunks[last].base
            if self.chunks[last].records.count < Self.chunkRecords, offset <= Int64(UInt32.max) {
                self.chunks[last].records.append(
                    Record(key: key, offset: UInt32(offset), sub: revision.sub)
                )
                self.count += 1
                return
            }
        }
        self.chunks.append(
            Chunk(
                base: revision.main,
                records: [Record(key: key, offset: 0, sub: revision.sub)]
            )
        )
        self.count += 1
    }

    /// Visits whole revisions from `first` through `last`, until `recordsMax` records were visited
    /// or `body` returns false; the revision at hand is then still finished.
    /// - Returns: the last revision that was visited wholly: `last` when nothing is left to visit.
    /// - Complexity: O(log `count` + records visited).
    package func visit(
        from first: Int64,
        through last: Int64,
        recordsMax: Int,
        _ body: (_ key: Bytes, _ revision: Revision) -> Bool
    ) -> Int64 {
        var visited = 0
        // The revision to finish before leaving, once it is time to leave.
        var leavingAfter: Int64?
        var chunkIndex = self.firstChunk(from: first)
        while chunkIndex < self.chunks.count {
            let chunk = self.chunks[chunkIndex]
            var index = chunk.firstIndex(from: first)
            while index < chunk.records.count {
                let main = chunk.base + Int64(chunk.records[index].offset)
                if main > last { return last }
                if let leavingAfter, main > leavingAfter { return leavingAfter }
                visited += 1
                let wantsMore = body(
                    chunk.records[index].key,
                    Revision(main: main, sub: chunk.records[index].sub)
                )
                if !wantsMore || visited >= recordsMax { leavingAfter = main }
                index += 1
            }
            chunkIndex += 1
        }
        return last
    }

    /// Forgets every record before `main`; those at `main` stay, since a watcher may start there.
    /// - See: etcd #18089, #19179.
    /// - Complexity: O(records forgotten).
    package mutating func truncate(before main: Int64) {
        while let first = self.chunks.first, first.lastMain < main {
            self.count -= first.records.count
            self.chunks.removeFirst()
        }
        guard let first = self.chunks.first else { return }
        let dropped = first.firstIndex(from: main)
        if dropped == 0 { return }
        self.chunks[0].records.removeFirst(dropped)
        self.count -= dropped
    }

    /// Index of the first chunk with a record at `main` or later.
    private func firstChunk(from main: Int64) -> Int {
        var low = 0
        var high = self.chunks.count
        while low < high {
            let middle = (low + high) / 2
            if self.chunks[middle].lastMain < main {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
