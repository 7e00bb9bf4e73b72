import ByreCore

/// The one writer of a store: takes operations in batches, evaluates them, commits, publishes, answers.
///
/// While a batch is on its way to disk the next one gathers in the queue, so the batch size follows
/// the load and a lone writer waits for nobody. Belongs to its thread.
///
/// **Invariant:** nobody is told of a change, by answer, read or event, before its commit returned.
/// Writers are told first: to tell thousands of watchers takes a while.
final class Committer {
    struct Parts: Sendable {
        let backend: any Backend
        let configuration: Configuration
        let clock: Clock
        let wallClock: WallClock
        let queue: FairQueue<Submission>
        let tenantChanges: Mailbox<TenantSubmission>
        let importSteps: Mailbox<ImportSubmission>
        let cache: ValueCache
        let readers: ReaderPool
        let pins: ReadPins
        let counters: StoreCounters
        /// Nil for a store with one writer.
        let shared: SharedStore?
        let report: @Sendable (StoreReport) -> Void
        /// Whether a commit is about the tenants without a home, or about one that has one.
        var separatesHomes: Bool { !self.backend.commitsSpanHomes }
    }

    let parts: Parts
    var registry: Registry
    var imports = Imports()
    let loader: CommitterLoader
    /// What other instances commit; nil for a store with one writer.
    var following: Following?
    private(set) var nextRow: RowID
    var compactions: Compactions
    private var timers: Timers
    private var isFailing = false
    /// Whether a commit to a shared store has begun, and is to be ended.
    var isBegun = false
    /// When a shared store's housekeeper has the backend do its own housekeeping.
    var nextMaintenance = Int64.min
    /// When to have the backend settle what it left for later; `Int64.max` for nothing left.
    private var settleTime = Int64.max

    init(_ parts: Parts, registry: Registry, nextRow: RowID) {
        self.parts = parts
        self.registry = registry
        self.loader = CommitterLoader(backend: parts.backend, cache: parts.cache)
        self.nextRow = nextRow
        self.compactions = Compactions(parts: parts)
        self.following = parts.shared.map { Following($0) }
        self.timers = Timers(
            configuration: parts.configuration,
            isShared: parts.shared != nil,
            now: parts.clock.now()
        )
        // A compaction that a crash cut short is finished now.
        for tenant in registry.directory.all { self.compactions.begin(tenant) }
    }

    func run() {
        let portion = self.portion
        while true {
            let deadline = self.nextDeadline()
            guard var submissions = self.parts.queue.take(portion, until: deadline) else { break }
            let isIdle = submissions.isEmpty
            submissions += self.timers.due(
                self.registry.directory.all,
                isHousekeeper: self.isHousekeeper,
                now: self.parts.clock.now()
            )
            if self.parts.shared != nil { submissions += self.expiries() }
            self.process(submissions)
            if self.parts.shared != nil { self.follow() }
            self.changeTenants()
            self.importTenants()
            let isSettled = isIdle && self.settle(isIdle: true)
            self.housekeep(isIdle: isSettled)
        }
        // Those that came before the store was stopped.
        while let submission = self.parts.tenantChanges.takeFirstIfAny() {
            submission.answer(.failure(.stopped))
        }
        while let submission = self.parts.importSteps.takeFirstIfAny() {
            submission.answer(.failure(.stopped))
        }
        self.imports.stop()
        self.compactions.abandon()
    }

    /// One tenant alone may fill a batch; see ``Configuration/sharedBatchCostMax``.
    private var portion: FairQueue<Submission>.Portion {
        let configuration = self.parts.configuration
        return FairQueue.Portion(
            alone: configuration.batchBytesMax
                + configuration.batchOperationsMax * Submission.operationCost,
            shared: configuration.sharedBatchCostMax,
            besideShort: configuration.crowdedBatchCostMax
        )
    }

    private func nextDeadline() -> Int64 {
        min(
            self.timers.next,
            self.compactions.next,
            self.isHousekeeper ? self.registry.next : .max,
            self.imports.next,
            self.settleTime,
            self.following?.next ?? .max
        )
    }

    // MARK: Batches

    /// Commits submissions, those of each home by themselves where the backend asks for that.
    private func process(_ submissions: [Submission]) {
        guard self.parts.separatesHomes, !self.registry.homes.isEmpty else {
            self.process(submissions, in: nil)
            return
        }
        var others: [Submission] = []
        var housed: [(home: TenantID, submissions: [Submission])] = []
        var places: [TenantID: Int] = [:]
        for submission in submissions {
            let id = submission.tenant.id
            if !submission.tenant.hasHome {
                others.append(submission)
            } else if let place = places[id] {
                housed[place].submissions.append(submission)
            } else {
                places[id] = housed.count
                housed.append((id, [submission]))
            }
        }
        self.process(others, in: nil)
        for (home, submissions) in housed { self.process(submissions, in: home) }
    }

    /// Commits submissions in as many batches as the bounds ask for.
    private func process(_ submissions: [Submission], in home: TenantID?) {
        var submissions = submissions
        var next = 0
        /// How many have been evaluated, some of them maybe in vain.
        var begun = 0
        /// Whether others changed what the batch from `next` on was decided on.
        var isOutdated = false
        while next < submissions.count {
            let run = self.newRun(in: home, operationCount: submissions.count - next)
            var end = submissions.count
            if self.parts.shared != nil, isOutdated || !self.isAlone(submissions, next) {
                do throws(BackendError) {
                    end = try self.begin(for: &submissions, from: next)
                } catch {
                    self.refuse(submissions[next...], error)
                    return
                }
            }
            let now = self.parts.clock.now()
            let first = next
            while next < end, run.hasRoom {
                let submission = submissions[next]
                if submission.reply != nil, next >= begun {
                    let timeout = self.parts.configuration.requestTimeoutNanoseconds
                    let asked = submission.deadline - timeout
                    self.parts.counters.began(afterNanoseconds: now - asked)
                }
                run.evaluate(submission, now: now, loader: self.loader)
                next += 1
            }
            self.parts.counters.took(max(next - max(first, begun), 0))
            begun = max(begun, next)
            self.compactions.addRemovals(to: run, now: now)
            isOutdated = !self.commit(run)
            if isOutdated { next = first }
        }
    }

    /// - Parameter home: the tenant that the run is about, where it is to be about one with a home.
    private func newRun(in home: TenantID?, operationCount: Int = 0) -> BatchRun {
        BatchRun(
            firstRow: self.nextRow,
            numbering: self.parts.shared == nil && home == nil ? .store : .tenant,
            home: home,
            configuration: self.parts.configuration,
            operationCount: operationCount
        )
    }

    /// Answers those whose batch could not be begun.
    private func refuse(_ submissions: ArraySlice<Submission>, _ error: BackendError) {
        var replies = ReplyBatch()
        for submission in submissions { replies.add(submission, .failure(.backend(error))) }
        replies.send()
    }

    /// Makes a run durable, publishes and answers it.
    /// - Returns: false when others changed what it was decided on: then nothing has happened.
    @discardableResult
    private func commit(_ run: BatchRun) -> Bool {
        run.finish()
        if !run.batch.isEmpty || self.isUnconfirmed(run) {
            do throws(BackendError) {
                guard try self.commitOperations(run) else { return false }
            } catch {
                self.fail(run, error)
                return true
            }
            self.nextRow = run.batch.nextRow
            self.compactions.removalsCommitted()
        }
        self.abandonIfBegun()
        // What nobody reads any more is freed when those who wait have been told.
        let maintenance = withExtendedLifetime(self.publish(run)) {
            let maintenance = self.answer(run)
            for work in run.work where work.isChanged { work.tenant.wakeStreams() }
            return maintenance
        }
        for submission in maintenance { self.defragment(submission) }
        if !run.batch.isEmpty { self.settle(isIdle: false) }
        return true
    }

    /// Has the backend do what it left for later. Everybody has been told of it by now.
    /// - Returns: whether it could.
    @discardableResult
    private func settle(isIdle: Bool) -> Bool {
        let configuration = self.parts.configuration
        do throws(BackendError) {
            let isLeft = try self.parts.backend.settle(isIdle: isIdle)
            self.settleTime =
                isLeft ? self.parts.clock.now() + configuration.settleDelayNanoseconds : .max
            return true
        } catch {
            self.settleTime = self.parts.clock.now() + configuration.settleRetryNanoseconds
            if !self.isFailing {
                self.isFailing = true
                self.parts.report(.commitFailed(error))
            }
            return false
        }
    }

    /// Makes a run durable. Removals of compacted rows only travel with it: if it fails with them, it is
    /// tried without, so that nothing but its own failure is a client's.
    /// - Returns: false when others changed what it was decided on.
    private func commitOperations(_ run: BatchRun) throws(BackendError) -> Bool {
        if self.isUnconfirmed(run) { return try self.commitUnconfirmed(run) }
        do throws(BackendError) {
            try self.commitDirectly(run.batch.commit)
        } catch {
            guard run.hasRemovals, !run.submissions.isEmpty, case .unavailable = error else {
                throw error
            }
            self.compactions.removalsFailed(now: self.parts.clock.now())
            run.dropRemovals()
            guard !run.batch.isEmpty else { return true }
            try self.commitDirectly(run.batch.commit)
        }
        return true
    }

    /// Makes a batch durable, and keeps account of how that goes.
    func commitDirectly(_ batch: consuming CommitBatch) throws(BackendError) {
        self.isBegun = false
        _ = try self.accounted(batch) { batch throws(BackendError) in
            try self.parts.backend.commit(batch)
            return true
        }
    }

    /// Dates a batch, has `commit` make it durable, and keeps account of how that goes.
    /// - Parameter commit: returns whether it has.
    /// - Returns: the same.
    func accounted(
        _ batch: consuming CommitBatch,
        _ commit: (CommitBatch) throws(BackendError) -> Bool
    ) throws(BackendError) -> Bool {
        let start = self.parts.clock.now()
        let isEmpty = batch.isEmpty
        batch.committedAt = self.parts.wallClock.seconds()
        let isCommitted: Bool
        do throws(BackendError) {
            isCommitted = try commit(batch)
        } catch {
            self.failed(error)
            throw error
        }
        guard isCommitted, !isEmpty else { return isCommitted }
        self.parts.counters.committed(nanoseconds: self.parts.clock.now() - start)
        if self.isFailing {
            self.isFailing = false
            self.parts.report(.commitsResumed)
        }
        return true
    }

    /// Keeps account of a commit that failed, or could not begin.
    func failed(_ error: BackendError) {
        self.parts.counters.failed()
        guard !self.isFailing else { return }
        self.isFailing = true
        self.parts.report(.commitFailed(error))
    }

    /// Counts rows that were written beside a batch.
    func advance(to row: RowID) {
        self.nextRow = row
    }

    /// Drops all that was evaluated; nothing of it can have been seen.
    private func fail(_ run: BatchRun, _ error: BackendError) {
        self.compactions.removalsFailed(now: self.parts.clock.now())
        var replies = ReplyBatch()
        for submission in run.submissions { replies.add(submission, .failure(.backend(error))) }
        replies.send()
    }

    /// - Returns: the tenants' states before.
    private func publish(_ run: BatchRun) -> [Snapshot] {
        for row in run.batch.commit.rows where !row.version.isTombstone {
            self.parts.cache.insert(row.value, of: row.version.row, tenant: row.tenant)
        }
        var before: [Snapshot] = []
        for work in run.work where work.isChanged {
            let replaced = self.publish(
                work.evaluation.state,
                of: work.tenant,
                changes: work.evaluation.changes,
                leases: run.batch.commit.leases,
                isCompacted: work.isCompacted
            )
            before.append(replaced)
        }
        return before
    }

    /// Makes a tenant's new state visible, and has its watchers' streams hold what changed: until
    /// ``TenantStore/wakeStreams()`` they sleep.
    /// - Returns: the state before.
    @discardableResult
    func publish(
        _ state: TenantState,
        of tenant: TenantStore,
        changes: [Change],
        leases: [CommitBatch.LeaseChange],
        isCompacted: Bool
    ) -> Snapshot {
        let events = self.events(of: changes, in: tenant)
        let now = self.parts.clock.now()
        let (waiters, before) = tenant.withLiveUnwoken { live in
            var waiters: [@Sendable () -> Void] = []
            for change in leases {
                switch change {
                case .grant(tenant.id, let lease):
                    live.lessor.start(lease.id, ttlSeconds: lease.ttlSeconds, now: now)
                case .revoke(tenant.id, let id):
                    live.lessor.stop(id)
                    waiters += live.revocationWaiters.removeValue(forKey: id) ?? []
                case .grant, .revoke: break
                }
            }
            if let events {
                live.wakes += live.hub.publish(events)
            } else if live.hub.isWatched {
                // Somebody came just now. What a key held before is loaded when it is asked for.
                live.wakes += live.hub.publish(changes.map { $0.event(nil) })
            } else {
                live.hub.record(changes)
            }
            if isCompacted { live.hub.compact(to: state.compactRevision) }
            return (waiters, tenant.publish(state))
        }
        for waiter in waiters { waiter() }
        self.parts.shared?.barrier.published(tenant)
        if isCompacted { self.compactions.begin(tenant) }
        return before
    }

    /// The changes as watchers see them, with the previous values that some watcher wants; nil when
    /// there are no watchers.
    private func events(of changes: [Change], in tenant: TenantStore) -> [WatchEvent]? {
        let wanted: [Bool]? = tenant.withHub { hub in
            guard hub.isWatched else { return nil }
            return changes.map { $0.previous != nil && hub.needsPreviousValue(of: $0.key) }
        }
        guard let wanted else { return nil }
        return zip(changes, wanted).map { change, isWanted in
            guard isWanted, let version = change.previous else { return change.event(nil) }
            return change.event(
                self.loader.valueIfLoadable(of: tenant.id, version: version)
            )
        }
    }

    // MARK: Answers

    /// - Returns: what is answered when the backend did something that may take long.
    private func answer(_ run: BatchRun) -> [Submission] {
        var replies = ReplyBatch()
        var maintenance: [Submission] = []
        let cache = self.parts.cache
        for submission in run.submissions where submission.reply != nil {
            switch submission.result {
            case .failure(.compacted) where submission.waitsForPhysical,
                .success(.compacted) where submission.waitsForPhysical:
                if !self.compactions.wait(submission) { replies.add(submission) }
            case .success(.defragmented):
                maintenance.append(submission)
            case .success(var outcome) where outcome.lacksValues:
                let isFilled = outcome.fillValues {
                    run.batch.pendingValue($0.row) ?? cache.value(of: $0.row)
                }
                if isFilled {
                    replies.add(submission, .success(outcome))
                } else {
                    self.load(outcome, for: submission, into: &replies)
                }
            case .success, .failure:
                replies.add(submission)
            }
        }
        replies.send()
        return maintenance
    }

    /// Has the backend give space back, after the tenant's part of it is committed, and answers.
    private func defragment(_ submission: Submission) {
        var replies = ReplyBatch()
        do throws(BackendError) {
            try self.parts.backend.defragment(storeOf: submission.tenant.id)
            replies.add(submission)
        } catch {
            replies.add(submission, .failure(.backend(error)))
        }
        replies.send()
    }

    /// Has a reader thread fill in what the cache does not hold.
    private func load(
        _ outcome: Outcome,
        for submission: Submission,
        into replies: inout ReplyBatch
    ) {
        let pin = self.parts.pins.take()
        let cache = self.parts.cache
        let tenant = submission.tenant
        let isQueued = self.parts.readers.submit(for: tenant) { opened in
            let result: Result<Outcome, RequestError>
            switch opened {
            case .success(let reader):
                let loader = ReaderLoader(reader: reader, cache: cache)
                var filled = outcome
                var failure: BackendError?
                _ = filled.fillValues { version in
                    do throws(BackendError) {
                        return try loader.value(of: tenant.id, row: version.row)
                    } catch {
                        failure = error
                        return nil
                    }
                }
                result = failure.map { .failure(.answerNotLoaded($0)) } ?? .success(filled)
            case .failure(let error):
                result = .failure(.answerNotLoaded(error))
            }
            _ = pin
            var replies = ReplyBatch()
            replies.add(submission, result)
            replies.send()
        }
        if !isQueued {
            replies.add(
                submission,
                .failure(.answerNotLoaded(.unavailable("too many reads wait")))
            )
        }
    }

    // MARK: Housekeeping

    /// Drops what is still to be done for a tenant that is erased.
    func forget(_ tenant: TenantStore) {
        self.imports.forget(tenant.id)
        self.compactions.forget(tenant)
        self.timers.forget(tenant.id)
        self.following?.forget(tenant.id)
        self.parts.shared?.barrier.fail(.stopped, of: tenant.id)
    }

    /// One slice of what is not urgent: compaction, and when nobody waits the backend's own.
    private func housekeep(isIdle: Bool) {
        let now = self.parts.clock.now()
        if self.compactions.next <= now {
            self.compactions.slice(now: now)
            let run = self.newRun(in: self.compactions.homeOfRemovals)
            self.compactions.addRemovals(to: run, now: now)
            if run.hasRemovals { self.commit(run) }
        }
        if self.parts.shared != nil { self.removeShared(now: now) }
        if self.isHousekeeper { self.eraseTenants() }
        self.clearImports()
        if isIdle, self.maintains(now: now) {
            do throws(BackendError) {
                _ = try self.parts.backend.maintain()
            } catch {
                self.parts.report(.maintenanceFailed(error))
            }
        }
    }
}
