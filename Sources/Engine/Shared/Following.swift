import ByreCore

/// How far the committer of a shared store is with what other instances commit. Belongs to its thread.
struct Following {
    /// A tenant that is loaded anew, in slices, beside its published state.
    struct Reload {
        var state: TenantState
        var log = RevisionLog()
        var changeSequence: Int64 = -1
        let startedAt: Int64

        fileprivate var isBegun: Bool { self.changeSequence >= 0 }
    }

    private let shared: SharedStore
    /// Tenants that have news, as far as is known, and the sequence to reach.
    private var wanted: [TenantID: Int64] = [:]
    private(set) var wantsRegistry = true
    private var reloads: [TenantID: Reload] = [:]
    /// Up to where changes of leases and alarms are known, of tenants where that is further than their
    /// states are.
    private var changeSequences: [TenantID: Int64] = [:]
    /// When others were last seen to have written to a tenant, in nanoseconds.
    private var othersWrote: [TenantID: Int64] = [:]
    private var overdue: Set<ExpiringLease> = []
    /// Instances among which limits of rates are divided.
    private(set) var instances = 1
    /// Nothing is asked for before, since the store could not be reached.
    private var pausedUntil = Int64.min

    init(_ shared: SharedStore) {
        self.shared = shared
    }

    // MARK: What there is to do

    /// When to try again, in nanoseconds; `Int64.max` for never.
    var next: Int64 { self.hasWork && self.pausedUntil != .min ? self.pausedUntil : .max }

    var hasWork: Bool { self.wantsRegistry || !self.wanted.isEmpty }

    func isPaused(now: Int64) -> Bool { now < self.pausedUntil }

    mutating func pause(until time: Int64) { self.pausedUntil = time }

    mutating func resume() { self.pausedUntil = .min }

    /// Notes what came to attention.
    /// - Returns: whether the number of instances has changed.
    mutating func note(_ work: Attention.Work, _ directory: TenantDirectory) -> Bool {
        for (tenant, sequence) in work.tenants { self.want(tenant, sequence) }
        if work.hasRegistry || work.isBlind { self.wantsRegistry = true }
        if work.isBlind { for tenant in directory.all { self.want(tenant.id) } }
        self.overdue.formUnion(work.overdue)
        guard let instances = work.instances, instances != self.instances else { return false }
        self.instances = instances
        return true
    }

    /// Asks for a tenant's news up to a sequence, or for what there is.
    mutating func want(_ tenant: TenantID, _ sequence: Int64 = .max) {
        self.wanted[tenant] = max(self.wanted[tenant] ?? .min, sequence)
    }

    mutating func tookRegistry() { self.wantsRegistry = false }

    /// Tenants to ask for news of, at most `countMax`.
    mutating func behind(_ directory: TenantDirectory, countMax: Int) -> [TenantStore] {
        var behind: [TenantStore] = []
        for (id, sequence) in self.wanted {
            guard let tenant = directory[id: id],
                sequence > tenant.snapshot.state.sequence || self.reloads[id] != nil
            else {
                self.wanted[id] = nil
                continue
            }
            behind.append(tenant)
            if behind.count == countMax { break }
        }
        return behind
    }

    /// Notes that a tenant has no more news than were taken.
    mutating func caughtUp(_ tenant: TenantID) { self.wanted[tenant] = nil }

    /// Leases whose time seems to be over; each is told once.
    mutating func takeOverdue() -> Set<ExpiringLease> {
        guard !self.overdue.isEmpty else { return [] }
        let overdue = self.overdue
        self.overdue = []
        return overdue
    }

    mutating func forget(_ tenant: TenantID) {
        self.wanted[tenant] = nil
        self.reloads[tenant] = nil
        self.changeSequences[tenant] = nil
        self.othersWrote[tenant] = nil
    }

    // MARK: Who else writes

    /// How long nobody else has to have written to a tenant for this instance to think that it is alone
    /// with it.
    private static let aloneNanoseconds: Int64 = 1_000_000_000

    /// Whether nobody else seems to write to a tenant, and what is published of it is the newest.
    func isAlone(with tenant: TenantStore, now: Int64) -> Bool {
        if !self.wanted.isEmpty, let sequence = self.wanted[tenant.id], sequence != .max,
            sequence > tenant.snapshot.state.sequence
        {
            return false
        }
        guard !self.othersWrote.isEmpty, let time = self.othersWrote[tenant.id] else { return true }
        return now - time >= Self.aloneNanoseconds
    }

    /// Notes that others have written to a tenant.
    mutating func sawOthers(write tenant: TenantID, now: Int64) {
        self.othersWrote[tenant] = now
    }

    // MARK: How far a tenant is

    func cursor(of tenant: TenantStore) -> TenantCursor {
        guard let reload = self.reloads[tenant.id] else {
            return tenant.snapshot.state.cursor(changeSequence: self.changeSequences[tenant.id])
        }
        guard reload.isBegun else { return .nothing(of: tenant.id) }
        var cursor = reload.state.cursor(changeSequence: reload.changeSequence)
        cursor.sequence = -1
        return cursor
    }

    /// Notes up to where changes of leases and alarms came with a slice.
    mutating func took(_ news: TenantNews) {
        self.changeSequences[news.record.id] = news.isComplete ? nil : news.changeSequence
    }

    func isReloading(_ tenant: TenantID) -> Bool { self.reloads[tenant] != nil }

    mutating func beginReload(_ tenant: TenantStore, now: Int64) {
        let record = tenant.snapshot.state.record.atBeginning
        self.changeSequences[tenant.id] = nil
        self.reloads[tenant.id] = Reload(
            state: TenantState(record, nextRow: record.nextRow),
            startedAt: now
        )
        self.want(tenant.id)
    }

    /// How long a reload may take. Rows of tombstones are kept longer than what they hide by more than
    /// this, so that no reload sees a key and misses its deletion.
    private static let reloadNanosecondsMax: Int64 = 30_000_000_000

    /// Takes a slice of a reload.
    /// - Returns: the whole, with the last slice.
    mutating func reload(_ tenant: TenantStore, with news: TenantNews, now: Int64) -> Reload? {
        guard var reload = self.reloads.removeValue(forKey: tenant.id) else { return nil }
        guard now - reload.startedAt < Self.reloadNanosecondsMax else {
            self.beginReload(tenant, now: now)
            return nil
        }
        reload.state.load(news, into: &reload.log)
        reload.changeSequence = news.changeSequence
        guard !news.isComplete else { return reload }
        self.reloads[tenant.id] = reload
        return nil
    }
}
