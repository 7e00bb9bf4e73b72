package import ByreCore
import Synchronization
package import Tenancy

/// One tenant of a running store: its committed state and its live parts, for any thread.
///
/// Lock order: `live` before `published`. Neither is held while the backend works.
package final class TenantStore: Sendable {
    package let id: TenantID
    package let clusterID: UInt64
    /// What etcd would call this server within the tenant.
    package let memberID: UInt64
    /// Whether its data are apart from the store's: see ``TenantDefinition/home``.
    let hasHome: Bool

    /// What an administrator decided; replaced by the committer.
    private let defined: Mutex<TenantDefinition>
    /// Whether its erasing has begun.
    private let erased = Atomic<Bool>(false)
    /// The committed state; replaced by the committer after each commit that changed the tenant.
    private let published: Mutex<Snapshot>
    /// What changes without a commit, and what must change together with one.
    private let live: Mutex<Live>
    /// Who drains the watch streams of each event loop.
    private let wakers = Mutex<[Int32: any WatchWaker]>([:])
    let pins: ReadPins
    private let catchUp: CatchUp
    /// How much of the tenant's work is let in at a time.
    package let admission = TenantAdmission()
    /// What the tenant's limits leave open.
    private let standard: Quota
    /// What the tenant may hold.
    private let quotas: Mutex<Quota>
    /// Instances of a shared store that divide the limits of rates among them.
    private let instances = Atomic<Int>(1)
    /// The tenant's writes that wait for the committer.
    let writes = FairQueue<Submission>.Lane()
    /// The tenant's reads that wait for a reader thread.
    let reads = FairQueue<ReaderPool.Job>.Lane()

    /// A tenant's volatile parts.
    struct Live: ~Copyable {
        var hub: WatchHub
        var lessor: Lessor
        /// Streams to wake once the lock is let go.
        var wakes: [WatchStreamID] = []
        /// Called once the lease is gone: keep-alives that came when it was already expired.
        var revocationWaiters: [LeaseID: [@Sendable () -> Void]] = [:]
        /// Whether a reader thread is catching up watchers.
        var isCatchingUp = false

        init(hub: consuming WatchHub, lessor: Lessor) {
            self.hub = hub
            self.lessor = lessor
        }

        mutating func takeWakes() -> [WatchStreamID] {
            if self.wakes.isEmpty { return self.hub.takeWakes() }
            let wakes = self.wakes + self.hub.takeWakes()
            self.wakes = []
            return wakes
        }
    }

    init(
        _ state: TenantState,
        _ definition: TenantDefinition,
        hub: consuming sending WatchHub,
        memberID: UInt64,
        pins: ReadPins,
        catchUp: CatchUp,
        quota: Quota
    ) {
        self.id = state.id
        self.clusterID = state.clusterID
        self.memberID = memberID
        self.hasHome = definition.home != nil
        self.defined = Mutex(definition)
        self.published = Mutex(Snapshot(state))
        self.live = Mutex(Live(hub: hub, lessor: Lessor()))
        self.pins = pins
        self.catchUp = catchUp
        self.standard = quota
        self.quotas = Mutex(quota)
        self.apply(definition.limits)
    }

    /// What the tenant may hold; a change is in force from the next batch on.
    package var quota: Quota { self.quotas.withLock { $0 } }

    /// Puts a tenant's limits in force, all of them. What is there already stays, where it is more
    /// than may be.
    private func apply(_ limits: TenantLimits) {
        self.quotas.withLock { $0 = Quota(limits, default: self.standard) }
        self.admission.apply(limits.divided(among: self.instances.load(ordering: .relaxed)))
        self.withHub { $0.limitWatchers(to: limits.watches) }
    }

    /// Takes its part of the limits of rates. For the committer.
    func share(among instances: Int) {
        self.instances.store(max(instances, 1), ordering: .relaxed)
        self.admission.apply(self.definition.limits.divided(among: instances))
    }

    // MARK: Definition

    package var definition: TenantDefinition { self.defined.withLock { $0 } }

    package var name: String { self.defined.withLock { $0.name } }

    /// Its stage of life: requests are answered while it is active.
    package var lifecycle: TenantDefinition.Lifecycle { self.defined.withLock { $0.lifecycle } }

    /// Its own policy, if it has one.
    var autoCompaction: AutoCompaction? { self.defined.withLock { $0.autoCompaction } }

    /// Whether its erasing has begun: nothing may be written for it any more.
    package var isErased: Bool { self.erased.load(ordering: .relaxed) }

    /// Takes a new definition, which is durable.
    ///
    /// Time stands still for the leases of a tenant that is not active: when it is active again they
    /// have their full time, since nobody could renew them.
    func define(_ definition: TenantDefinition, now: Int64) {
        let before = self.defined.withLock { defined in
            let before = defined.lifecycle
            defined = definition
            return before
        }
        self.apply(definition.limits)
        guard before != .active, definition.lifecycle == .active else { return }
        self.withLive { $0.lessor.restart(now: now) }
    }

    /// Lets go of all that the tenant holds, when its erasing has begun.
    func dissolve() {
        self.erased.store(true, ordering: .relaxed)
        let state = self.snapshot.state
        self.publish(TenantState(state.record, nextRow: RowID(rawValue: 1)))
        let waiters = self.withLive { live in
            live.hub.dissolve()
            live.lessor = Lessor()
            let waiters = live.revocationWaiters.values.flatMap { $0 }
            live.revocationWaiters = [:]
            return waiters
        }
        for waiter in waiters { waiter() }
    }

    // MARK: State

    /// The newest committed state. Every write that was acknowledged is in it, so a read from it is
    /// linearizable as long as one process owns the store.
    package var snapshot: Snapshot { self.published.withLock { $0 } }

    /// The newest committed state, whose rows will not be deleted while it is held: for answers that
    /// load values.
    package func pinnedSnapshot() -> PinnedSnapshot {
        let pin = self.pins.take()
        return PinnedSnapshot(self.snapshot, pin: pin)
    }

    // MARK: Live parts

    /// Runs `body` on the tenant's watches, under the lock, and sees to what comes of it: streams that
    /// got something are woken, watchers that lag are caught up.
    package func withHub<Result: Sendable>(_ body: (inout WatchHub) -> Result) -> Result {
        self.withLive { body(&$0.hub) }
    }

    /// Runs `body` on the live parts, under the lock; see ``withHub(_:)``.
    func withLive<Result: Sendable>(_ body: (inout Live) -> Result) -> Result {
        let (result, wakes) = self.withLiveUnwoken { live in
            let result = body(&live)
            return (result, live.takeWakes())
        }
        if !wakes.isEmpty { self.wake(wakes) }
        return result
    }

    /// Runs `body` as ``withLive(_:)`` does, and leaves the streams that got something to
    /// ``wakeStreams()``, or to the next call on the live parts by anybody.
    func withLiveUnwoken<Result: Sendable>(_ body: (inout Live) -> Result) -> Result {
        let (result, startsCatchUp) = self.live.withLock { live in
            let result = body(&live)
            let startsCatchUp = live.hub.hasCatchUpWork && !live.isCatchingUp
            if startsCatchUp { live.isCatchingUp = true }
            return (result, startsCatchUp)
        }
        if startsCatchUp { self.catchUp.start(self) }
        return result
    }

    /// Wakes the streams that got something and have not heard of it.
    func wakeStreams() {
        let wakes = self.live.withLock { $0.takeWakes() }
        if !wakes.isEmpty { self.wake(wakes) }
    }

    /// Ends catching up for want of work; starts it again if some came meanwhile.
    func endCatchUp() {
        self.withLive { $0.isCatchingUp = false }
    }

    /// Ends catching up because the backend cannot be read now. The next call on the hub tries again;
    /// the engine makes one at least every ``Configuration/leaseCheckNanoseconds``.
    func pauseCatchUp() {
        self.live.withLock { $0.isCatchingUp = false }
        self.wakeStreams()
    }

    /// Names who drains the watch streams opened with `loop` as their number.
    package func setWaker(_ waker: any WatchWaker, forLoop loop: Int32) {
        self.wakers.withLock { $0[loop] = waker }
    }

    private func wake(_ streams: [WatchStreamID]) {
        let wakers = self.wakers.withLock { $0 }
        if streams.count == 1 {
            wakers[streams[0].loop]?.wake(streams)
            return
        }
        // There are few loops, and streams of the same one mostly come at a fixed distance.
        var loops: [(number: Int32, streams: [WatchStreamID])] = []
        var place = 0
        for stream in streams {
            place = place + 1 < loops.count ? place + 1 : 0
            if place == loops.count || loops[place].number != stream.loop {
                if let known = loops.firstIndex(where: { $0.number == stream.loop }) {
                    place = known
                } else {
                    place = loops.count
                    loops.append((stream.loop, []))
                }
            }
            loops[place].streams.append(stream)
        }
        for (loop, streams) in loops { wakers[loop]?.wake(streams) }
    }

    /// Makes a new state the committed one.
    /// - Returns: the one before. To let go of it may free many nodes, so nobody should wait for that.
    @discardableResult
    func publish(_ state: TenantState) -> Snapshot {
        let snapshot = Snapshot(state)
        return self.published.withLock { published in
            let before = published
            published = snapshot
            return before
        }
    }

    // MARK: Leases

    /// Renews a lease, or tells why not.
    /// - Parameter whenRevoked: called later if, and only if, the lease is expired and its revocation
    ///   under way.
    package func keepAlive(
        _ id: LeaseID,
        now: Int64,
        whenRevoked: @escaping @Sendable () -> Void
    ) -> Lessor.Renewal {
        self.withLive { live in
            let renewal = live.lessor.renew(id, now: now)
            if renewal == .expired { live.revocationWaiters[id, default: []].append(whenRevoked) }
            return renewal
        }
    }

    /// Has `body` called once an expired lease is gone, on a shared store.
    /// - Returns: false when it is gone already; `body` is not called then.
    package func awaitRevocation(
        of id: LeaseID,
        _ body: @escaping @Sendable () -> Void
    ) -> Bool {
        self.withLive { live in
            guard self.snapshot.state.leases.contains(id) else { return false }
            live.revocationWaiters[id, default: []].append(body)
            return true
        }
    }

    /// Time a lease has left, in nanoseconds; nil when there is none.
    package func remaining(_ id: LeaseID, now: Int64) -> Int64? {
        self.withLive { $0.lessor.remaining(id, now: now) }
    }

    /// All leases, the next to expire first.
    package func leasesByRemaining() -> [LeaseID] {
        self.withLive { $0.lessor.leasesByRemaining() }
    }
}

/// Drains the watch streams of one event loop.
package protocol WatchWaker: AnyObject, Sendable {
    /// Streams of the loop came to hold something. Called on any thread, without locks held; must not
    /// block.
    func wake(_ streams: [WatchStreamID])
}
