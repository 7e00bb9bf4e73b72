/// What keeps a store's rows: the durable half of Byre.
///
/// Calls block and belong to threads, never to an event loop. A backend knows no protobuf, no
/// client and no clock; it keeps what it is given and gives it back.
///
/// A store that other processes write too has a ``SharedBackend``.
///
/// **Invariant:** a row of `kv` above its tenant's committed revision does not exist: nobody reads it,
/// and the recovery removes it. An import writes such rows, and raises the revision at its end.
package protocol Backend: AnyObject, Sendable {
    /// Reads the whole store once, in commit order, values skipped, and hands it to `recovery`.
    ///
    /// Called once, before anything else, by the thread that will write.
    func recover(into recovery: inout some Recovery) throws(BackendError)

    /// How the rows of the store are numbered.
    var rowNumbering: RowNumbering { get }

    /// The same backend, when other processes write its store too; nil when it has one writer.
    var shared: (any SharedBackend)? { get }

    /// Makes a batch durable: all of it, or nothing.
    ///
    /// Called by the writer thread only. On return the batch survives kill -9 and power loss.
    /// - Throws: ``BackendError/unavailable(_:)`` when nothing was written, and
    ///   ``BackendError/uncertain(_:)`` when that is not known.
    func commit(_ batch: CommitBatch) throws(BackendError)

    /// Does what commits left for later because nobody has to wait for it.
    ///
    /// Called by the writer thread after a commit, once everybody has been told of it, and with
    /// `isIdle` when nothing has been committed for a while. All that was committed is durable and
    /// can be read before.
    /// - Returns: whether something is left, to be done when idle.
    /// - Throws: when it could not be done. Nothing is lost; commits are refused until it can.
    func settle(isIdle: Bool) throws(BackendError) -> Bool

    /// Opens a reader for the exclusive use of one thread.
    func makeReader() throws(BackendError) -> any BackendReader

    /// Does a bounded slice of housekeeping (returning free pages, moving the log into the
    /// database). Called by the writer thread when it is idle.
    /// - Returns: whether there is more to do.
    func maintain() throws(BackendError) -> Bool

    /// Returns free space to the file system at once; etcd's Defragment. Writer thread only.
    func defragment() throws(BackendError)

    /// The same for where one tenant's data are.
    func defragment(storeOf tenant: TenantID) throws(BackendError)

    /// Whether one commit may be about tenants in several homes (``TenantDefinition/home``). If not,
    /// each is about the tenants without a home, or about one that has one, and what changes its
    /// registry is about nothing but that tenant.
    var commitsSpanHomes: Bool { get }

    /// Chooses where the data of a new dedicated tenant will be, and makes nothing yet. Called by the
    /// writer thread before the commit that creates it; on a shared store, once that has begun.
    /// - Throws: when there is something else, or may be nothing.
    func chooseHome(for tenant: TenantDefinition) throws(HomeRefusal) -> String

    /// Roles of the database that read one tenant with SQL; nil where there are no roles.
    var sqlReaders: (any SQLReaders)? { get }

    /// Writes what is pending and releases everything. Nothing may be called afterwards.
    func close()
}

extension Backend {
    /// None.
    package var sqlReaders: (any SQLReaders)? { nil }

    package func defragment(storeOf tenant: TenantID) throws(BackendError) {
        try self.defragment()
    }

    package var commitsSpanHomes: Bool { true }

    /// None.
    package func chooseHome(for tenant: TenantDefinition) throws(HomeRefusal) -> String {
        throw .refused("this store cannot have dedicated tenants")
    }

    package var rowNumbering: RowNumbering { .store }

    package var shared: (any SharedBackend)? { nil }

    /// Leaves nothing for later.
    package func settle(isIdle: Bool) throws(BackendError) -> Bool { false }
}

/// Reads values, on one thread, beside the writer.
package protocol BackendReader: AnyObject {
    /// Loads the values of `rows`, which are ascending, and hands each to `body` in that order.
    /// - Throws: ``BackendError/corrupt(_:)`` when a row is missing; ``BackendError/unavailable(_:)``
    ///   instead on a shared store, where another instance may have deleted it.
    func values(
        of tenant: TenantID,
        rows: [RowID],
        _ body: (_ index: Int, _ value: Bytes) -> Void
    ) throws(BackendError)

    /// Visits those of one tenant's rows that are in `span`, in commit order, with values, until
    /// `body` returns false.
    func scan(
        _ tenant: TenantID,
        in span: RowSpan,
        _ body: (_ key: Bytes, _ version: Version, _ value: Bytes) -> Bool
    ) throws(BackendError)
}

/// Takes what ``Backend/recover(into:)`` reads. Tenants come first, then their leases and
/// alarms, then the rows in commit order.
package protocol Recovery {
    mutating func tenant(_ tenant: StoredTenant)
    mutating func lease(_ tenant: TenantID, _ lease: LeaseRecord)
    mutating func alarm(_ tenant: TenantID, _ alarm: Alarm)
    mutating func row(_ tenant: TenantID, key: Bytes, version: Version)
}

/// A lease's row.
package struct LeaseRecord: Hashable, Sendable {
    package var id: LeaseID
    /// Granted time to live, in seconds.
    package var ttlSeconds: Int64

    package init(id: LeaseID, ttlSeconds: Int64) {
        self.id = id
        self.ttlSeconds = ttlSeconds
    }
}

/// Everything one SQL transaction writes, for all tenants with work in it.
package struct CommitBatch: Sendable {
    /// A new version of a key.
    package struct Row: Sendable {
        package var tenant: TenantID
        package var key: Bytes
        /// `version.row` is greater than that of every row before it; with ``RowNumbering/tenant``,
        /// of every row of the tenant.
        package var version: Version
        package var value: Bytes

        package init(tenant: TenantID, key: Bytes, version: Version, value: Bytes) {
            self.tenant = tenant
            self.key = key
            self.version = version
            self.value = value
        }
    }

    /// A lease that begins or ends.
    package enum LeaseChange: Sendable {
        case grant(TenantID, LeaseRecord)
        case revoke(TenantID, LeaseID)
    }

    /// An alarm that is raised or taken back.
    package enum AlarmChange: Sendable {
        case raise(TenantID, Alarm)
        case clear(TenantID, Alarm)
    }

    /// Versions to append, in row order.
    package var rows: [Row] = []
    package var leases: [LeaseChange] = []
    package var alarms: [AlarmChange] = []
    /// Compacted versions to delete, each list ascending.
    package var removedRows: [(tenant: TenantID, rows: [RowID])] = []
    /// Tenants' new control state. A tenant with anything else in the batch is here.
    package var tenants: [TenantRecord] = []
    /// Tenants that come, go or are defined anew: before anything else of the batch.
    package var registry: [RegistryChange] = []
    /// When the batch is committed, in seconds since 1970; 0 when that is not known.
    ///
    /// For people: nothing that a client sees depends on it.
    package var committedAt: Int64 = 0

    package init() {}

    package var isEmpty: Bool {
        self.rows.isEmpty && self.leases.isEmpty && self.alarms.isEmpty && self.removedRows.isEmpty
            && self.tenants.isEmpty && self.registry.isEmpty
    }
}

/// Why a dedicated tenant cannot be given a home.
package enum HomeRefusal: Error, Hashable, Sendable {
    /// A sentence for the administrator: what is in the way.
    case refused(String)
    case backend(BackendError)
}

/// Why a backend could not do as asked.
package enum BackendError: Error, Hashable, Sendable {
    /// Nothing was done; it may work later (disk full, I/O error, connection lost).
    case unavailable(String)
    /// It is not known whether the commit took effect.
    case uncertain(String)
    /// The store contradicts itself; a person must look.
    case corrupt(String)
}
