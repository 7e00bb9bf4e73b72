package import ByreCore
import Synchronization

/// Keeps this instance, and the leases that clients renew with it, alive.
package final class Keeper: Sendable {
    /// A renewal that waits.
    struct Renewal: Sendable {
        let tenant: TenantStore
        let lease: LeaseID
        let executor: any ReplyExecutor
        let complete: @Sendable (Result<LeaseRenewal, RequestError>) -> Void
    }

    private struct Status {
        var isReached = true
        var isHousekeeper = false
        var instances: [InstanceRecord] = []
        var readSince: Int64?
        /// When what the last beat told has been told for too long to be true still.
        var end = Int64.min
    }

    /// Beats that the housekeeper may miss before it takes itself for none: it may have stood still. No
    /// longer than a store lets it be without a word.
    private static let beatsMissedMax: Int64 = 6

    /// Renewals that are made durable at once.
    private static let renewalsMax = 4_096

    private let backend: any SharedBackend
    private let me: InstanceRecord
    private let attention: Attention
    private let clock: Clock
    private let pins: ReadPins
    private let beatNanoseconds: Int64
    private let mailbox: Mailbox<Renewal>
    private let status: Mutex<Status>

    init(
        backend: any SharedBackend,
        me: InstanceRecord,
        attention: Attention,
        clock: Clock,
        pins: ReadPins,
        configuration: Configuration
    ) {
        self.backend = backend
        self.me = me
        self.attention = attention
        self.clock = clock
        self.pins = pins
        self.beatNanoseconds = configuration.beatNanoseconds
        self.mailbox = Mailbox(capacity: configuration.renewalsMax)
        self.status = Mutex(Status(instances: [me]))
    }

    /// Whether this instance does what one is enough for; see ``Beat/isHousekeeper``.
    var isHousekeeper: Bool {
        let now = self.clock.now()
        return self.status.withLock { $0.isHousekeeper && now < $0.end }
    }

    /// Whether the store could be reached at the last beat.
    package var isReached: Bool { self.status.withLock { $0.isReached } }

    /// Instances that live, as of the last beat; this one is among them.
    package var instances: [InstanceRecord] { self.status.withLock { $0.instances } }

    /// Since when, by this instance's clock, an instance has taken rows out of its index that it still
    /// reads, as of the last beat; nil for none.
    package var readSince: Int64? { self.status.withLock { $0.readSince } }

    /// Gives a lease its full time again. `body` is called on `executor`, always, unless this throws.
    /// - Throws: ``RequestError/tooManyRequests`` and ``RequestError/stopped``.
    package func renew(
        _ lease: LeaseID,
        of tenant: TenantStore,
        on executor: any ReplyExecutor,
        _ body: @escaping @Sendable (Result<LeaseRenewal, RequestError>) -> Void
    ) throws(RequestError) {
        let renewal = Renewal(tenant: tenant, lease: lease, executor: executor, complete: body)
        switch self.mailbox.push(renewal) {
        case .pushed: return
        case .full: throw .tooManyRequests
        case .closed: throw .stopped
        }
    }

    // MARK: The thread

    /// Refuses further renewals; ``run()`` makes those that came and returns.
    func close() {
        self.mailbox.close()
    }

    /// Beats and renews, until closed.
    func run() {
        var keeper: (any StoreKeeper)?
        var nextBeat: Int64 = 0
        while let renewals = self.mailbox.take(countMax: Self.renewalsMax, until: nextBeat) {
            if keeper == nil { keeper = try? self.backend.makeKeeper() }
            if !renewals.isEmpty { self.renew(renewals, keeper) }
            let now = self.clock.now()
            guard now >= nextBeat else { continue }
            nextBeat = now + self.beatNanoseconds
            self.beat(keeper)
        }
        // Others learn of it by themselves if this fails.
        try? keeper?.leave(self.me)
    }

    private func beat(_ keeper: (any StoreKeeper)?) {
        var beat = Beat()
        beat.instances = self.instances
        let now = self.clock.now()
        let readFor = self.pins.readSince.map { now - $0 }
        let told = keeper.flatMap { try? $0.beat(self.me, readingFor: readFor) }
        if let told { beat = told }
        // An instance that cannot reach the store is no housekeeper; how many there are it does not know.
        let count = max(beat.instances.count, 1)
        let isChanged = self.status.withLock { status in
            let before = status.instances.count
            status.isReached = told != nil
            status.isHousekeeper = beat.isHousekeeper
            status.end = now + Self.beatsMissedMax * self.beatNanoseconds
            status.instances = beat.instances
            status.readSince = beat.readingFor.map { now - $0 }
            return before != count
        }
        guard isChanged || !beat.overdue.isEmpty else { return }
        self.attention.note { work in
            work.overdue.formUnion(beat.overdue)
            if isChanged { work.instances = count }
        }
    }

    private func renew(_ renewals: [Renewal], _ keeper: (any StoreKeeper)?) {
        var results: Result<[LeaseRenewal], RequestError>
        do throws(BackendError) {
            guard let keeper else { throw .unavailable("the store cannot be reached") }
            results = .success(
                try keeper.renew(
                    renewals.map { ExpiringLease(tenant: $0.tenant.id, lease: $0.lease) }
                )
            )
        } catch {
            results = .failure(.backend(error))
        }
        for (place, renewal) in renewals.enumerated() {
            let result = results.map { $0[place] }
            renewal.executor.execute { renewal.complete(result) }
        }
    }
}
