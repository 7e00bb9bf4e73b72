package import ByreCore

/// A store that is running: its tenants, the thread that commits, the threads that read.
package final class Store: Sendable {
    package let configuration: Configuration
    package let cache: ValueCache
    package let readers: ReaderPool
    package let clock: Clock
    let registry: PublishedRegistry
    let queue: FairQueue<Submission>
    let tenantChanges: Mailbox<TenantSubmission>
    let importSteps: Mailbox<ImportSubmission>
    private let committer: WorkerThread
    private let backend: any Backend
    package let counters: StoreCounters
    /// What the store has if other instances write it too; nil for one with a single writer.
    package let shared: SharedStore?

    /// Recovers a store and starts its threads.
    /// - Parameters:
    ///   - instance: this instance, for the others of a shared store.
    ///   - newTenant: the tenant that a store without any is given, if it is to be given one.
    ///   - encodeEvent: makes the wire form of a watch event.
    ///   - report: told of what a person should know (a commit that failed, and that they work again).
    /// - Throws: what the backend throws; nothing runs then.
    package init(
        backend: any Backend,
        configuration: Configuration,
        clock: Clock = .monotonic,
        wallClock: WallClock = .system,
        instance: InstanceRecord = .anonymous,
        newTenant: TenantDefinition?,
        watchLimits: WatchLimits = WatchLimits(),
        encodeEvent: @escaping WatchEventEncoder,
        report: @escaping @Sendable (StoreReport) -> Void
    ) throws(BackendError) {
        let recovered = try Self.recover(backend)
        let now = clock.now()
        let pins = ReadPins()
        let readers = ReaderPool(
            backend: backend,
            threads: configuration.readerThreads,
            queueMax: configuration.readQueueMax,
            tenantQueueMax: configuration.readQueueTenantMax
        )
        let cache = ValueCache(capacity: configuration.cacheBytes)
        let factory = TenantFactory(
            pins: pins,
            catchUp: CatchUp(readers: readers, cache: cache),
            watchLimits: watchLimits,
            quota: configuration.quota,
            encodeEvent: encodeEvent,
            instance: backend.shared == nil ? nil : instance
        )
        let nextRow = RowID(rawValue: recovered.lastRow.rawValue + 1)
        var tenants = recovered.tenants.values.map {
            factory.make(
                $0,
                now: now,
                leaseGraceNanoseconds: configuration.leaseGraceNanoseconds
            )
        }
        if let newTenant, tenants.isEmpty, recovered.erasing.isEmpty {
            do throws(BackendError) {
                let first = try Self.createFirst(
                    newTenant,
                    at: wallClock.seconds(),
                    in: backend
                )
                let numbered = backend.rowNumbering == .tenant ? first.record.nextRow : nextRow
                let state = TenantState(first.record, nextRow: numbered)
                tenants = [factory.make(state, first.definition)]
            } catch {
                readers.stop()
                throw error
            }
        }
        let registry = PublishedRegistry(TenantDirectory(tenants))
        self.configuration = configuration
        self.clock = clock
        self.backend = backend
        self.cache = cache
        self.readers = readers
        self.registry = registry
        self.queue = FairQueue(
            FairQueue.Bounds(
                count: configuration.writeQueueMax,
                cost: configuration.writeQueueBytesMax,
                laneCount: configuration.writeQueueTenantMax,
                laneCost: configuration.writeQueueTenantBytesMax
            )
        )
        self.tenantChanges = Mailbox(capacity: configuration.tenantChangesMax)
        self.importSteps = Mailbox(capacity: configuration.importStepsMax)
        self.counters = StoreCounters()
        let queue = self.queue
        self.shared = backend.shared.map { shared in
            SharedStore(
                backend: shared,
                me: instance,
                clock: clock,
                pins: pins,
                configuration: configuration,
                poke: { queue.poke() }
            )
        }
        let parts = Committer.Parts(
            backend: backend,
            configuration: configuration,
            clock: clock,
            wallClock: wallClock,
            queue: self.queue,
            tenantChanges: self.tenantChanges,
            importSteps: self.importSteps,
            cache: cache,
            readers: readers,
            pins: pins,
            counters: self.counters,
            shared: self.shared,
            report: report
        )
        let registryParts = Registry.Parts(
            configuration: configuration,
            clock: clock,
            wallClock: wallClock,
            factory: factory,
            published: registry,
            backend: backend
        )
        let erasing = Array(recovered.erasing.values)
        self.committer = WorkerThread(name: "committer") {
            let committer = Committer(
                parts,
                registry: Registry(registryParts, erasing: erasing),
                nextRow: nextRow
            )
            committer.run()
        }
        self.shared?.start()
    }

    /// Creates the first tenant of a store. One of a shared store that another instance creates at the
    /// same time is taken instead.
    private static func createFirst(
        _ definition: TenantDefinition,
        at time: Int64,
        in backend: any Backend
    ) throws(BackendError) -> StoredTenant {
        var id = TenantID(rawValue: 1)
        if let shared = backend.shared {
            var plan = CommitPlan()
            plan.registryVersion = -1
            let registry = try shared.begin(plan).registry
            if let first = registry?.changed.first(where: { !$0.isErasing }) {
                shared.abandon()
                // What it holds by now comes as news.
                return StoredTenant(first.record.atBeginning, first.definition)
            }
            id = registry?.nextID ?? id
        }
        let record = TenantRecord(id: id, uid: definition.uid)
        var batch = CommitBatch()
        batch.registry = [.create(record, definition)]
        batch.committedAt = time
        try backend.commit(batch)
        return StoredTenant(record, definition)
    }

    private static func recover(
        _ backend: any Backend
    ) throws(BackendError) -> RecoveredTenants {
        var recovery = PipelinedRecovery()
        do throws(BackendError) {
            try backend.recover(into: &recovery)
        } catch {
            _ = recovery.finish()
            throw error
        }
        return recovery.finish()
    }

    /// Queues a change. The reply, if there is one, is completed on its executor, always, unless this
    /// throws.
    /// - Parameter waitsForPhysical: for a compaction: answer once its versions are out of the index
    ///   and their rows on the way out; rows that a running answer still needs go after it.
    /// - Throws: ``RequestError/tooManyRequests`` and ``RequestError/stopped``.
    package func submit(
        _ operation: Operation,
        to tenant: TenantStore,
        waitsForPhysical: Bool = false,
        reply: (any Reply)?
    ) throws(RequestError) {
        let submission = Submission(
            tenant: tenant,
            operation: operation,
            deadline: self.clock.now() + self.configuration.requestTimeoutNanoseconds,
            reply: reply,
            waitsForPhysical: waitsForPhysical
        )
        switch self.queue.push(submission, cost: submission.cost, to: tenant.writes) {
        case .pushed: return
        case .full: throw .tooManyRequests
        case .closed: throw .stopped
        }
    }

    /// Roles of the database that read one tenant with SQL; nil where there are no roles.
    package var sqlReaders: (any SQLReaders)? { self.backend.sqlReaders }

    /// Commits what is queued, then ends the threads and closes the backend. Once.
    package func stop() {
        self.tenantChanges.close()
        self.importSteps.close()
        self.queue.close()
        self.committer.join()
        self.shared?.stop()
        self.readers.stop()
        self.backend.close()
    }
}

/// What a person should know of a store's life.
package enum StoreReport: Sendable {
    /// Commits fail, from now on; writes are refused with `Unavailable`.
    case commitFailed(BackendError)
    /// Commits work again.
    case commitsResumed
    /// Housekeeping failed; it will be tried again.
    case maintenanceFailed(BackendError)
}
