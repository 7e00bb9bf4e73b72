/// A backend whose store several processes write: *instances*, of which none is special.
///
/// A commit is `begin`, which locks the tenants and tells what others committed before, and then
/// `commit` or `abandon`. Who evaluates operations between the two does so on the newest state there
/// is, so nothing that was decided on an older one is ever committed. Who thinks that it is the only
/// writer of some tenants evaluates first, and has ``commit(_:decidedOn:)`` find out whether it was.
///
/// A call on a connection that is lost connects anew, or throws ``BackendError/unavailable(_:)``; so
/// the caller goes on as soon as the store does. Waiting for locks and answers is bounded.
///
/// What ``Backend`` asks for holds, and beside it:
/// - ``Backend/recover(into:)`` reads the store as it was at one moment and deletes nothing: a row above
///   its tenant's revision may be that of an import another instance makes now.
/// - ``Backend/commit(_:)`` ends what ``begin(_:)`` began, whether it throws or not. It throws
///   ``BackendError/uncertain(_:)`` only if the outcome cannot be learned within a bound.
/// - A commit with ``RegistryChange/define(_:_:)`` that makes a tenant active again gives its leases
///   their full time.
package protocol SharedBackend: Backend {
    // MARK: Writer thread

    /// Locks what a commit is going to change, and tells what others committed since.
    ///
    /// Nothing is begun when it throws.
    func begin(_ plan: CommitPlan) throws(BackendError) -> CommitStart

    /// Makes a batch durable without ``begin(_:)``, if the tenants that it was decided on are still
    /// what they were. It changes no registry and is not an import's. Not called between `begin` and
    /// its end.
    /// - Parameter basis: the tenants' sequences: of all that the batch changes, and of others that
    ///   its outcome depends on. A batch that is empty asks whether all of them still hold.
    /// - Returns: whether they do, and the batch is committed. False also when a tenant is being
    ///   erased or is gone, or the connection turned out to be lost before anything was written: the
    ///   caller begins, and learns what there is.
    /// - Throws: as ``Backend/commit(_:)``.
    func commit(
        _ batch: CommitBatch,
        decidedOn basis: [TenantSequence]
    ) throws(BackendError) -> Bool

    /// Ends what ``begin(_:)`` began, without a change.
    func abandon()

    /// What was committed since some cursors, without a lock. Not called between `begin` and its end.
    ///
    /// One entry for each tenant that has some; tenants that are gone are left out.
    func news(since cursors: [TenantCursor]) throws(BackendError) -> [TenantNews]

    /// What changed in the registry since a version, or nil for nothing. -1 is before everything.
    /// Not called between `begin` and its end.
    func registry(since version: Int64) throws(BackendError) -> RegistryNews?

    /// Deletes rows that compaction made unreachable, in a commit of its own, without a lock. Those
    /// that are not there any more are passed over. Not called between `begin` and its end.
    func remove(_ rows: [(tenant: TenantID, rows: [RowID])]) throws(BackendError)

    // MARK: Parts for other threads, each with a connection of its own

    func makeReadIndex() throws(BackendError) -> any ReadIndex
    func makeListener() throws(BackendError) -> any ChangeListener
    func makeKeeper() throws(BackendError) -> any StoreKeeper
}

/// What a commit is going to touch.
package struct CommitPlan: Sendable {
    /// Tenants to lock, in any order, as they are known.
    package var cursors: [TenantCursor] = []
    /// Leases of those tenants that may be over; see ``CommitStart/expired``.
    package var expiring: [ExpiringLease] = []
    /// Locks the registry too, and asks for its news since this version.
    package var registryVersion: Int64?

    package init() {}
}

/// A lease that may be over.
package struct ExpiringLease: Hashable, Sendable {
    package var tenant: TenantID
    package var lease: LeaseID

    package init(tenant: TenantID, lease: LeaseID) {
        self.tenant = tenant
        self.lease = lease
    }
}

/// What is known when a commit begins.
package struct CommitStart: Sendable {
    /// As ``SharedBackend/news(since:)``. If one is not complete, the caller abandons the commit, fetches
    /// the rest, and begins again.
    package var news: [TenantNews] = []
    /// Nil when the registry was not asked for, or has not changed.
    package var registry: RegistryNews?
    /// Those of ``CommitPlan/expiring`` whose time is over by the store's clock, none while its
    /// heartbeat is not fresh. They cannot be renewed any more.
    package var expired: Set<ExpiringLease> = []
    /// Whether a tenant of the plan is not there any more, or is being erased: nothing is to be written to
    /// it. The registry tells which.
    package var hasErased = false

    package init() {}
}

/// A tenant as of a commit to it: each has a greater sequence than the one before.
package struct TenantSequence: Hashable, Sendable {
    package var tenant: TenantID
    package var sequence: Int64

    package init(tenant: TenantID, sequence: Int64) {
        self.tenant = tenant
        self.sequence = sequence
    }
}

/// How much of a tenant somebody has.
package struct TenantCursor: Hashable, Sendable {
    package var tenant: TenantID
    /// Everything up to here is known.
    package var sequence: Int64
    /// Changes of leases and alarms are known up to here; `sequence` but in the middle of catching up.
    package var changeSequence: Int64
    /// Rows are known up to this revision, and this row.
    package var revision: Int64
    package var lastRow: RowID

    package init(
        tenant: TenantID,
        sequence: Int64,
        changeSequence: Int64,
        revision: Int64,
        lastRow: RowID
    ) {
        self.tenant = tenant
        self.sequence = sequence
        self.changeSequence = changeSequence
        self.revision = revision
        self.lastRow = lastRow
    }

    /// Nothing is known: the news are the whole tenant.
    package static func nothing(of tenant: TenantID) -> TenantCursor {
        TenantCursor(
            tenant: tenant,
            sequence: -1,
            changeSequence: -1,
            revision: 0,
            lastRow: RowID(rawValue: 0)
        )
    }
}

/// What was committed to a tenant since a cursor, in order, in bounded slices.
///
/// Rows that were deleted since are left out; who applies them sees it by the gap in their numbers.
package struct TenantNews: Sendable {
    /// The tenant's control state at the end of this slice. Of one that is not complete only `id`,
    /// `revision` (that of the slice's last row) and `lastRow` are looked at.
    package var record: TenantRecord
    /// Rows after the cursor's, in order, up to `record.revision`; whole revisions only.
    package var rows: [CommitBatch.Row] = []
    /// What happened to leases since the cursor's `changeSequence`, in order: at least what happened up to
    /// the last of `rows`, and nothing that was not committed.
    package var leases: [CommitBatch.LeaseChange] = []
    package var alarms: [CommitBatch.AlarmChange] = []
    /// Up to where `leases` and `alarms` go.
    package var changeSequence: Int64
    /// What happened is not kept for as long as that: `leases` grants and `alarms` raises all that there
    /// are, and what is not among them is gone.
    package var changesAreWhole = false
    /// Nothing is left at the moment of the call. If not, there is more to ask for.
    package var isComplete = true

    package init(record: TenantRecord, changeSequence: Int64) {
        self.record = record
        self.changeSequence = changeSequence
    }
}

/// What changed in the registry since a version of it.
package struct RegistryNews: Sendable {
    /// The registry's version now. Every commit with a registry change raises it.
    package var version: Int64
    /// Tenants that were created, defined anew, or whose erasing has begun.
    package var changed: [StoredTenant] = []
    /// All tenants there are, those included that are being erased: a tenant that is not here is gone.
    package var present: Set<TenantID> = []
    /// The id of the next tenant: above all that were ever used.
    package var nextID: TenantID

    package init(version: Int64, nextID: TenantID) {
        self.version = version
        self.nextID = nextID
    }
}

/// Tells how far tenants are: etcd's read index. For one thread.
package protocol ReadIndex: AnyObject {
    /// Committed sequences of tenants, all in one question, asked after the call began; nil for a
    /// tenant that is gone.
    func sequences(of tenants: [TenantID]) throws(BackendError) -> [Int64?]

    /// Nanoseconds that leases have left by the store's clock, negative when over; nil for one that is
    /// gone.
    func remaining(_ leases: [ExpiringLease]) throws(BackendError) -> [Int64?]
}

/// Hears of commits. For one thread.
package protocol ChangeListener: AnyObject {
    /// Waits until something was committed, or the time is over. What was committed since the call before
    /// is not missed: if a notification may have been lost, the listener looks itself.
    func wait(milliseconds: Int) throws(BackendError) -> HeardChanges
}

/// Who is told to have changed. May say too much, never too little.
package struct HeardChanges: Hashable, Sendable {
    /// Tenants, with the sequence that they have reached, or `Int64.max` if that was not said.
    package var tenants: [TenantID: Int64] = [:]
    package var hasRegistry = false

    package init() {}
}

/// Keeps an instance, and the leases of clients, alive. For one thread.
package protocol StoreKeeper: AnyObject {
    /// Says that the instance lives, takes or keeps the office of the housekeeper if it is free, and, as
    /// the housekeeper, keeps the store's heartbeat. A gap of that is added to every lease, once, before
    /// any is over.
    /// - Parameter readingFor: for how many nanoseconds the instance has been reading what compaction took
    ///   out of its index meanwhile; nil when it does not.
    func beat(_ me: InstanceRecord, readingFor: Int64?) throws(BackendError) -> Beat

    /// Gives leases their full time again; durable when it returns.
    func renew(_ leases: [ExpiringLease]) throws(BackendError) -> [LeaseRenewal]

    /// Gives up what the instance has, at its end.
    func leave(_ me: InstanceRecord) throws(BackendError)
}

/// What an instance learns from its beat.
package struct Beat: Sendable {
    /// The housekeeper deletes compacted rows, erases tenants, proposes leases that are over, compacts
    /// automatically. Any instance may do all of it; that one does saves work.
    package var isHousekeeper = false
    /// Instances that live, this one too, by id.
    package var instances: [InstanceRecord] = []
    /// For the housekeeper: leases of active tenants whose time seems to be over, a bounded number.
    package var overdue: [ExpiringLease] = []
    /// The longest that an instance that lives has been reading what is compacted; nil when none does.
    package var readingFor: Int64?

    package init() {}
}

/// What a renewal found.
package enum LeaseRenewal: Hashable, Sendable {
    case renewed(ttlSeconds: Int64)
    /// Its time is over, its revocation under way or to come.
    case expired
    case notFound
}
