import ByreCore
import DequeModule

/// Rows of a shared store that compaction made unreachable, until they are deleted.
///
/// Every instance finds them; the housekeeper deletes them once no other can still be reading them. The
/// others remember them for a while, to delete them if they become the housekeeper: rows that are not
/// there any more cost little. Tombstones are deleted one delay after what they hide, so that nobody who
/// loads the tenant meanwhile sees a key and misses its deletion.
struct SharedRemovals {
    private struct Entry {
        let tenant: TenantStore
        let epoch: Int64
        let rows: [RowID]
        let notBefore: Int64
    }

    /// Entries whose rows are deleted by one commit.
    private static let entriesPerCommitMax = 32

    private let delay: Int64
    private let memory: Int64
    private let rowsMax: Int
    /// Versions that others hide, and tombstones; each in the order of `notBefore`.
    private var hidden: Deque<Entry> = []
    private var tombstones: Deque<Entry> = []
    private var rowCount = 0
    /// Entries at the front of both that are in the commit under way.
    private var inCommit = (hidden: 0, tombstones: 0)
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
        let due = now + self.delay
        if !hidden.isEmpty {
            self.hidden.append(Entry(tenant: tenant, epoch: epoch, rows: hidden, notBefore: due))
        }
        if !tombstones.isEmpty {
            self.tombstones.append(
                Entry(tenant: tenant, epoch: epoch, rows: tombstones, notBefore: due + self.delay)
            )
        }
        self.rowCount += hidden.count + tombstones.count
        while self.rowCount > self.rowsMax, self.forgetOldest() {}
    }

    /// Rows to delete now: none, unless this is the housekeeper.
    mutating func due(
        isHousekeeper: Bool,
        now: Int64,
        mayDelete: (_ epoch: Int64) -> Bool
    ) -> [(tenant: TenantID, rows: [RowID])] {
        self.inCommit = (0, 0)
        while let first = self.hidden.first, first.notBefore + self.memory < now,
            !isHousekeeper
        { self.forget(first, from: \.hidden) }
        while let first = self.tombstones.first, first.notBefore + self.memory < now,
            !isHousekeeper
        { self.forget(first, from: \.tombstones) }
        guard isHousekeeper, now >= self.pausedUntil else { return [] }
        let isDue = { (entry: Entry) in entry.notBefore <= now && mayDelete(entry.epoch) }
        let hidden = self.hidden.prefix(Self.entriesPerCommitMax).prefix(while: isDue)
        let tombstones = self.tombstones.prefix(Self.entriesPerCommitMax).prefix(while: isDue)
        self.inCommit = (hidden.count, tombstones.count)
        return (hidden + tombstones).map { (tenant: $0.tenant.id, rows: $0.rows) }
    }

    /// The rows of the last ``due(isHousekeeper:now:mayDelete:)`` are deleted.
    mutating func committed() {
        for entry in self.hidden.prefix(self.inCommit.hidden) { self.rowCount -= entry.rows.count }
        for entry in self.tombstones.prefix(self.inCommit.tombstones) {
            self.rowCount -= entry.rows.count
        }
        self.hidden.removeFirst(self.inCommit.hidden)
        self.tombstones.removeFirst(self.inCommit.tombstones)
        self.inCommit = (0, 0)
    }

    /// They could not be deleted: they are kept, and tried again after a pause.
    mutating func failed(until time: Int64) {
        self.inCommit = (0, 0)
        self.pausedUntil = time
    }

    /// Forgets a tenant whose rows are erased otherwise.
    mutating func forget(_ tenant: TenantStore) {
        self.hidden.removeAll { $0.tenant === tenant }
        self.tombstones.removeAll { $0.tenant === tenant }
        self.rowCount =
            self.hidden.reduce(0) { $0 + $1.rows.count }
            + self.tombstones.reduce(0) { $0 + $1.rows.count }
    }

    private mutating func forgetOldest() -> Bool {
        if let first = self.hidden.first {
            self.forget(first, from: \.hidden)
            return true
        }
        guard let first = self.tombstones.first else { return false }
        self.forget(first, from: \.tombstones)
        return true
    }

    private mutating func forget(
        _ first: Entry,
        from queue: WritableKeyPath<SharedRemovals, Deque<Entry>>
    ) {
        self.rowCount -= first.rows.count
        self[keyPath: queue].removeFirst()
    }
}
