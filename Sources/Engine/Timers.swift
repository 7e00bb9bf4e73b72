import ByreCore

/// What the committer does by the clock: ends expired leases, compacts automatically, tells watchers of
/// progress.
struct Timers {
    private let configuration: Configuration
    private var nextLeaseCheck: Int64
    private var autoCompactors: [TenantID: AutoCompactor] = [:]
    private let isShared: Bool

    init(configuration: Configuration, isShared: Bool, now: Int64) {
        self.configuration = configuration
        self.isShared = isShared
        self.nextLeaseCheck = now + configuration.leaseCheckNanoseconds
    }

    /// When to look again, in nanoseconds.
    var next: Int64 { self.nextLeaseCheck }

    /// Operations that are due now. Also hands out periodic progress.
    /// - Parameter isHousekeeper: whether this instance does what one is enough for, as that of a store with
    ///   one writer does. On a shared store it is told of leases that are over; see ``Keeper``.
    mutating func due(
        _ tenants: [TenantStore],
        isHousekeeper: Bool,
        now: Int64
    ) -> [Submission] {
        guard now >= self.nextLeaseCheck else { return [] }
        self.nextLeaseCheck = now + self.configuration.leaseCheckNanoseconds
        var due: [Submission] = []
        for tenant in tenants {
            let lifecycle = tenant.lifecycle
            let expired = tenant.withLive { live in
                live.wakes += live.hub.tick(now: .nanoseconds(now))
                // For a tenant that refuses requests, renewals too, time stands still.
                return lifecycle == .active && !self.isShared ? live.lessor.expired(at: now) : []
            }
            for lease in expired { due.append(self.submission(.leaseRevoke(lease), tenant)) }
            let state = tenant.snapshot.state
            if isHousekeeper, tenant.quota.mayClearAlarm(of: state) {
                due.append(self.submission(.alarmDeactivate(state.noSpaceAlarm), tenant))
            }
            // Who is not the housekeeper keeps count, to go on if it becomes that.
            if let revision = self.compactRevision(of: tenant, lifecycle, now: now), isHousekeeper {
                due.append(self.submission(.compact(revision: revision), tenant))
            }
        }
        return due
    }

    mutating func forget(_ tenant: TenantID) {
        self.autoCompactors[tenant] = nil
    }

    /// Where to compact the tenant now, by its own policy or the server's; a policy that is new begins
    /// to count now.
    private mutating func compactRevision(
        of tenant: TenantStore,
        _ lifecycle: TenantDefinition.Lifecycle,
        now: Int64
    ) -> Int64? {
        guard lifecycle != .deleting,
            let policy = tenant.autoCompaction ?? self.configuration.autoCompaction
        else {
            self.autoCompactors[tenant.id] = nil
            return nil
        }
        if self.autoCompactors[tenant.id]?.policy != policy {
            self.autoCompactors[tenant.id] = AutoCompactor(policy, now: now)
        }
        let state = tenant.snapshot.state
        return self.autoCompactors[tenant.id]?.due(
            revision: state.revision,
            compactRevision: state.compactRevision,
            now: now
        )
    }

    private func submission(_ operation: Operation, _ tenant: TenantStore) -> Submission {
        Submission(tenant: tenant, operation: operation, deadline: .max, reply: nil)
    }
}
