import ByreCore
import DequeModule

/// Rows of a shared store that compaction made unreachable, until they are deleted.
///
/// Every instance finds them, all within one delay; the housekeeper deletes them once no instance can
/// still be reading them. The others remember them for a while, to delete them if they become the housekeeper: rows that are not
/// there any more cost little. Tombstones are deleted one delay after what they hide, so that nobody who
/// loads the tenant meanwhile sees a key and misses its deletion.
struct SharedRemovals {
    private struct Entry {
        let tenant: TenantStore
        let epoch: Int64
        let rows: [RowID]
        let notBefore: Int64
    }

    /// Entries in the order of `notBefore`.
    private struct Queue {
        private var entries: Deque<Entry> = []
        private(set) var rowCount = 0
        /// Entries at the front that are in the commit under way.
        private var inCommit = 0

        mutating func append(_ entry: Entry) {
            guard !entry.rows.isEmpty else { return }
            self.entries.append(entry)
            self.rowCount += entry.rows.count
        }

        /// Forgets the oldest.
        /// - Returns: false when there is none.
        mutating func dropFirst() -> Bool {
            guard let first = self.entries.popFirst() else { return false }
            self.rowCount -= first.rows.count
            return true
        }

        mutating func drop(before time: Int64) {
            while let first = self.entries.first, first.notBefore < time, self.dropFirst() {}
        }

        mutating func drop(_ tenant: TenantStore) {
            self.entries.removeAll { $0.tenant === tenant }
            self.rowCount = self.entries.reduce(0) { $0 + $1.rows.count }
        }

        mutating func beginCommit(countMax: Int, _ isDue: (Entry) -> Bool) -> [Entry] {
            let due = Array(self.entries.prefix(countMax).prefix(while: isDue))
            self.inCommit = due.count
            return due
        }

        mutating func endCommit(isDone: Bool) {
            for _ in 0..<(isDone ? self.inCommit : 0) { _ = self.dropFirst() }
            self.inCommit = 0
        }
    }

    /// Entries of each kind whose rows are deleted by one commit.
    private static let entriesPerCommitMax = 32

    private let delay: Int64
    private let memory: Int64
    private let rowsMax: Int
    /// Versions that others hide.
    private var hidden = Queue()
    private var tombstones = Queue()
    /// Nothing is tried before, since it has failed.
    private var pausedUntil = Int64.min

    init(_ configuration: Configuration) {
        self.delay = configuration.sharedRemovalDelayNanoseconds
        self.memory = configuration.sharedRemovalMemoryNanoseconds
        self.rowsMax = configuration.sharedDeferredRowsMax
    }

    /// Adds rows that were taken out of the index now.
    mutating func add(
        hidden: [RowID],
        tombstones: [RowID],
        of tenant: TenantStore,
        epoch: Int64,
        now: Int64
    ) {
        func entry(_ rows: [RowID], after delay: Int64) -> Entry {
            Entry(tenant: tenant, epoch: epoch, rows: rows, notBefore: now + delay)
        }
        self.hidden.append(entry(hidden, after: self.delay))
        self.tombstones.append(entry(tombstones, after: 2 * self.delay))
        // The next start finds what is forgotten.
        while self.hidden.rowCount + self.tombstones.rowCount > self.rowsMax,
            self.hidden.dropFirst() || self.tombstones.dropFirst()
        {}
    }

    /// Rows to delete now: none, unless this is the housekeeper.
    /// - Parameter readSince: since when an instance took rows out of its index that it still reads.
    mutating func due(
        isHousekeeper: Bool,
        readSince: Int64?,
        now: Int64,
        mayDelete: (_ epoch: Int64) -> Bool
    ) -> [(tenant: TenantID, rows: [RowID])] {
        guard isHousekeeper else {
            self.hidden.drop(before: now - self.memory)
            self.tombstones.drop(before: now - self.memory)
            return []
        }
        guard now >= self.pausedUntil else { return [] }
        let isDue = { (entry: Entry) in
            entry.notBefore <= now && mayDelete(entry.epoch)
                && readSince.map { entry.notBefore < $0 } ?? true
        }
        let due =
            self.hidden.beginCommit(countMax: Self.entriesPerCommitMax, isDue)
            + self.tombstones.beginCommit(countMax: Self.entriesPerCommitMax, isDue)
        return due.map { (tenant: $0.tenant.id, rows: $0.rows) }
    }

    /// The rows of the last ``due(isHousekeeper:readSince:now:mayDelete:)`` are deleted.
    mutating func committed() {
        self.hidden.endCommit(isDone: true)
        self.tombstones.endCommit(isDone: true)
    }

    /// They could not be deleted: they are kept, and tried again after a pause.
    mutating func failed(until time: Int64) {
        self.hidden.endCommit(isDone: false)
        self.tombstones.endCommit(isDone: false)
        self.pausedUntil = time
    }

    /// Forgets a tenant whose rows are erased otherwise.
    mutating func forget(_ tenant: TenantStore) {
        self.hidden.drop(tenant)
        self.tombstones.drop(tenant)
    }
}
