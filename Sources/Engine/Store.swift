package import ByreCore
import Synchronization

/// A store that is running: its tenants, the thread that commits, the threads that read.
package final class Store: Sendable {
    package let configuration: Configuration
    package let cache: ValueCache
    package let readers: ReaderPool
    package let clock: Clock
    private let tenants: Mutex<[String: TenantStore]>
    private let mailbox: Mailbox<Submission>
    private let committer: WorkerThread
    private let backend: any Backend
    package let counters: StoreCounters

    /// Recovers a store and starts its threads.
    /// - Parameters:
    ///   - newTenant: the tenant that a store without any is given.
    ///   - encodeEvent: makes the wire form of a watch event.
    ///   - report: told of what a person should know (a commit that failed, and that they work again).
    /// - Throws: what the backend throws; nothing runs then.
    package init(
        backend: any Backend,
        configuration: Configuration,
        clock: Clock = .monotonic,
        newTenant: TenantRecord,
        watchLimits: WatchLimits = WatchLimits(),
        encodeEvent: @escaping WatchEventEncoder,
        report: @escaping @Sendable (StoreReport) -> Void
    ) throws(BackendError) {
        var recovered = try Self.recover(backend)
        if recovered.states.isEmpty {
            var batch = CommitBatch()
            batch.createdTenants = [newTenant]
            try backend.commit(batch)
            recovered.tenant(newTenant)
        }
        let now = clock.now()
        let pins = ReadPins()
        let readers = ReaderPool(
            backend: backend,
            threads: configuration.readerThreads,
            queueMax: configuration.readQueueMax
        )
        let cache = ValueCache(capacity: configuration.cacheBytes)
        let catchUp = CatchUp(readers: readers, cache: cache)
        var tenants: [TenantStore] = []
        for (id, state) in recovered.states {
            let hub = WatchHub(
                committedRevision: state.revision,
                compactRevision: state.compactRevision,
                log: recovered.logs[id] ?? RevisionLog(),
                limits: watchLimits,
                encode: encodeEvent
            )
            let tenant = TenantStore(state, hub: hub, pins: pins, catchUp: catchUp)
            tenant.withLive { live in
                for lease in state.leases.records {
                    live.lessor.start(
                        lease.id,
                        ttlSeconds: lease.ttlSeconds,
                        now: now,
                        extraNanoseconds: configuration.leaseGraceNanoseconds
                    )
                }
            }
            tenants.append(tenant)
        }
        let mailbox = Mailbox<Submission>(capacity: configuration.writeQueueMax)
        let counters = StoreCounters()
        self.configuration = configuration
        self.clock = clock
        self.backend = backend
        self.cache = cache
        self.readers = readers
        self.mailbox = mailbox
        self.counters = counters
        self.tenants = Mutex(Dictionary(uniqueKeysWithValues: tenants.map { ($0.name, $0) }))
        let nextRow = RowID(rawValue: recovered.lastRow.rawValue + 1)
        let parts = Committer.Parts(
            backend: backend,
            configuration: configuration,
            clock: clock,
            mailbox: mailbox,
            cache: cache,
            readers: readers,
            pins: pins,
            counters: counters,
            report: report
        )
        let served = tenants
        self.committer = WorkerThread(name: "committer") {
            let committer = Committer(parts, tenants: served, nextRow: nextRow)
            committer.run()
        }
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

    /// The tenant of a name.
    package func tenant(named name: String) -> TenantStore? {
        self.tenants.withLock { $0[name] }
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
        switch self.mailbox.push(submission) {
        case .pushed: return
        case .full: throw .tooManyRequests
        case .closed: throw .stopped
        }
    }

    /// Commits what is queued, then ends the threads and closes the backend. Once.
    package func stop() {
        self.mailbox.close()
        self.committer.join()
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
