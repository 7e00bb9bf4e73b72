import ByreCore

/// The slow part of compaction: takes unreachable versions out of the index, then has their rows
/// deleted, in slices, with pauses for everybody else.
///
/// Rows are deleted only when no reader pinned before may need them (see ``ReadPins``), and a crash
/// in between costs nothing: the recovery finds the versions again.
struct Compactions {
    private struct Job {
        let tenant: TenantStore
        let revision: Int64
        /// Revision after the last one whose keys were cleaned.
        var position: Int64
        var waiters: [Submission] = []
    }

    /// Rows out of the index, waiting to be deleted.
    private struct Removal {
        let tenant: TenantStore
        let epoch: Int64
        let rows: [RowID]
    }

    private let parts: Committer.Parts
    private var jobs: [Job] = []
    private var removals: [Removal] = []
    private var removalRows = 0
    /// Removals at the front of `removals` that are in the commit under way.
    private var inCommit = 0
    private var nextSlice: Int64 = .max
    /// What takes the place of `removals` on a shared store.
    private var sharedRemovals: SharedRemovals
    /// No removal is tried before, since one has failed.
    private var removalsFrom: Int64 = .min

    init(parts: Committer.Parts) {
        self.parts = parts
        self.sharedRemovals = SharedRemovals(parts.configuration)
    }

    /// When there is something to do, in nanoseconds; `Int64.max` for nothing.
    var next: Int64 {
        self.nextSlice
    }

    /// Starts cleaning up from the beginning, for a tenant that was loaded anew.
    mutating func restart(_ tenant: TenantStore) {
        if let place = self.jobs.firstIndex(where: { $0.tenant === tenant }) {
            self.jobs[place].position = 0
        }
        self.begin(tenant)
    }

    /// Starts cleaning up below a tenant's compact revision, or lets a cleaning under way go on to it.
    mutating func begin(_ tenant: TenantStore) {
        let revision = tenant.snapshot.state.compactRevision
        guard revision >= 0 else { return }
        var job = Job(tenant: tenant, revision: revision, position: 0)
        if let place = self.jobs.firstIndex(where: { $0.tenant === tenant }) {
            let running = self.jobs.remove(at: place)
            job.position = running.position
            job.waiters = running.waiters
        }
        self.jobs.append(job)
        self.nextSlice = 0
    }

    /// Answers a compaction when the cleaning is over.
    /// - Returns: false when none is under way: then the caller answers.
    mutating func wait(_ compaction: Submission) -> Bool {
        guard let place = self.jobs.firstIndex(where: { $0.tenant === compaction.tenant }) else {
            return false
        }
        self.jobs[place].waiters.append(compaction)
        return true
    }

    /// Cleans the keys of one slice of revisions of one tenant.
    mutating func slice(now: Int64) {
        defer { self.reschedule(now: now) }
        let isShared = self.parts.shared != nil
        guard !self.jobs.isEmpty,
            isShared || self.removalRows < self.parts.configuration.deferredRowsMax
        else { return }
        var job = self.jobs.removeFirst()
        var keys: [Bytes] = []
        let visited = job.tenant.withHub { hub in
            hub.log.visit(
                from: job.position,
                through: job.revision,
                recordsMax: self.parts.configuration.compactionBatchLimit
            ) { key, _ in
                keys.append(key)
                return true
            }
        }
        job.position = visited + 1
        var state = job.tenant.snapshot.state
        var tombstones: [RowID]? = isShared ? [] : nil
        let rows = state.removeCompacted(keys, tombstones: &tombstones)
        if !rows.isEmpty || tombstones?.isEmpty == false {
            job.tenant.publish(state)
            let epoch = self.parts.pins.advance(now: now)
            if isShared {
                self.sharedRemovals.add(
                    hidden: rows,
                    tombstones: tombstones ?? [],
                    of: job.tenant,
                    epoch: epoch,
                    now: now
                )
            } else {
                self.removals.append(Removal(tenant: job.tenant, epoch: epoch, rows: rows))
                self.removalRows += rows.count
            }
        }
        if visited < job.revision {
            self.jobs.append(job)
            return
        }
        job.tenant.withHub { $0.truncateLog() }
        var replies = ReplyBatch()
        for waiter in job.waiters { replies.add(waiter) }
        replies.send()
    }

    /// Adds rows that nobody needs any more to a batch, oldest first.
    mutating func addRemovals(to run: BatchRun, now: Int64) {
        self.inCommit = 0
        guard self.parts.shared == nil, now >= self.removalsFrom else { return }
        for removal in self.removals.prefix(Self.removalsPerCommitMax) {
            guard self.home(of: removal) == run.home,
                self.parts.pins.mayDelete(removal.epoch)
            else { break }
            run.remove(removal.rows, of: removal.tenant)
            self.inCommit += 1
        }
    }

    /// Where the oldest rows are that wait, for a run that is about that home alone; nil for the store.
    var homeOfRemovals: TenantID? { self.removals.first.flatMap { self.home(of: $0) } }

    private func home(of removal: Removal) -> TenantID? {
        self.parts.separatesHomes && removal.tenant.hasHome ? removal.tenant.id : nil
    }

    mutating func removalsCommitted() {
        for removal in self.removals.prefix(self.inCommit) {
            self.removalRows -= removal.rows.count
            self.parts.cache.remove(removal.rows)
        }
        self.removals.removeFirst(self.inCommit)
        self.inCommit = 0
    }

    /// Keeps the removals of the commit that failed for later.
    mutating func removalsFailed(now: Int64) {
        guard self.inCommit > 0 else { return }
        self.inCommit = 0
        self.removalsFrom =
            now + Self.slicesAfterFailure * self.parts.configuration.compactionSleepNanoseconds
    }

    /// Forgets what was to be done for a tenant whose rows are erased otherwise.
    mutating func forget(_ tenant: TenantStore) {
        var replies = ReplyBatch()
        for job in self.jobs where job.tenant === tenant {
            for waiter in job.waiters { replies.add(waiter) }
        }
        self.jobs.removeAll { $0.tenant === tenant }
        for removal in self.removals where removal.tenant === tenant {
            self.removalRows -= removal.rows.count
        }
        self.removals.removeAll { $0.tenant === tenant }
        self.sharedRemovals.forget(tenant)
        replies.send()
    }

    /// Answers those who wait, at the end: their compaction is decided, its rows go after the restart.
    mutating func abandon() {
        var replies = ReplyBatch()
        for job in self.jobs {
            for waiter in job.waiters { replies.add(waiter) }
        }
        self.jobs.removeAll()
        replies.send()
    }

    /// Pauses that removals make when their commit has failed.
    private static let slicesAfterFailure: Int64 = 5

    /// Slices whose rows are deleted by one commit.
    private static let removalsPerCommitMax = 8

    private mutating func reschedule(now: Int64) {
        let hasWork = !self.jobs.isEmpty || !self.removals.isEmpty
        self.nextSlice =
            hasWork ? now + self.parts.configuration.compactionSleepNanoseconds : .max
    }

    /// Deletes a bounded number of rows of a shared store that nobody reads any more, if this instance is
    /// the one to do it.
    /// - Returns: whether rows were deleted; there may be more.
    mutating func removeShared(
        isHousekeeper: Bool,
        readSince: Int64?,
        now: Int64,
        _ remove: (_ rows: [(tenant: TenantID, rows: [RowID])]) throws(BackendError) -> Void
    ) -> Bool {
        let pins = self.parts.pins
        let rows = self.sharedRemovals.due(
            isHousekeeper: isHousekeeper,
            readSince: readSince,
            now: now,
            mayDelete: pins.mayDelete
        )
        guard !rows.isEmpty else { return false }
        do throws(BackendError) {
            try remove(rows)
        } catch {
            self.sharedRemovals.failed(
                until: now + Self.slicesAfterFailure
                    * self.parts.configuration.compactionSleepNanoseconds
            )
            return false
        }
        for removal in rows { self.parts.cache.remove(removal.rows) }
        self.sharedRemovals.committed()
        return true
    }
}
