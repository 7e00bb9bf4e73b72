import ByreCore

// Commits to a shared store. Nothing is committed but what was decided on the newest state: either it is
// evaluated under the store's lock, or, where nobody else seems to write, evaluated first and committed
// only if that was so.
extension Committer {
    // MARK: Without a beginning

    /// Whether the operations from `first` on are likely to be decided on the newest state without asking
    /// for it. Nothing wrong comes of an error: it costs another evaluation.
    func isAlone(_ submissions: [Submission], _ first: Int) -> Bool {
        guard let following = self.following else { return true }
        let now = self.parts.clock.now()
        let count = min(
            submissions.count - first,
            self.parts.configuration.batchOperationsMax
        )
        return submissions[first..<(first + count)].allSatisfy { submission in
            submission.expiring == nil && following.isAlone(with: submission.tenant, now: now)
        }
    }

    /// Whether nobody has made sure yet that a run was decided on the newest states.
    func isUnconfirmed(_ run: BatchRun) -> Bool {
        self.parts.shared != nil && !self.isBegun && !run.work.isEmpty
    }

    /// Makes a run durable that was evaluated without a beginning, if it was decided on the newest states.
    /// - Returns: whether it was.
    func commitUnconfirmed(_ run: BatchRun) throws(BackendError) -> Bool {
        guard let shared = self.parts.shared else { return true }
        return try self.accounted(run.batch.commit) { batch throws(BackendError) in
            try shared.backend.commit(batch, decidedOn: run.basis)
        }
    }

    // MARK: With a beginning

    /// Times that a commit is begun anew because of what others committed meanwhile.
    private static let beginAttemptsMax = 8

    /// Begins a commit of the operations from `first` on. Afterwards their tenants' states are the newest
    /// there are, and leases that are not over after all are no longer proposed to expire.
    /// - Returns: where the operations end that may be part of it.
    func begin(
        for submissions: inout [Submission],
        from first: Int
    ) throws(BackendError) -> Int {
        let count = min(
            submissions.count - first,
            self.parts.configuration.batchOperationsMax
        )
        let part = submissions[first..<(first + count)]
        var plan = CommitPlan()
        var tenants: [TenantStore] = []
        var seen: Set<TenantID> = []
        for submission in part where !submission.tenant.isErased {
            if seen.insert(submission.tenant.id).inserted { tenants.append(submission.tenant) }
            if let lease = submission.expiring { plan.expiring.append(lease) }
        }
        guard !tenants.isEmpty else { return part.endIndex }
        let start = try self.begin(plan, tenants)
        let alive = Set(plan.expiring).subtracting(start.expired)
        guard !alive.isEmpty else { return part.endIndex }
        let rest = part.filter { submission in
            submission.expiring.map { !alive.contains($0) } ?? true
        }
        submissions.replaceSubrange(part.indices, with: rest)
        return first + rest.count
    }

    /// Begins a change of the registry. Afterwards the registry, and these tenants, are the newest there
    /// are.
    func beginRegistry(_ tenants: [TenantStore] = []) throws(BackendError) {
        var plan = CommitPlan()
        plan.registryVersion = self.registry.version
        _ = try self.begin(plan, tenants)
    }

    /// Begins a commit to one tenant; see ``begin(for:from:)``.
    func begin(_ tenant: TenantStore) throws(BackendError) {
        _ = try self.begin(CommitPlan(), [tenant])
    }

    private func begin(
        _ wanted: CommitPlan,
        _ tenants: [TenantStore]
    ) throws(BackendError) -> CommitStart {
        guard let shared = self.parts.shared else { return CommitStart() }
        var plan = wanted
        do throws(BackendError) {
            for _ in 0..<Self.beginAttemptsMax {
                plan.cursors = tenants.filter { !$0.isErased }.compactMap {
                    self.following?.cursor(of: $0)
                }
                if plan.registryVersion != nil { plan.registryVersion = self.registry.version }
                let start = try shared.backend.begin(plan)
                self.isBegun = true
                if let registry = start.registry { self.take(registry) }
                let isUpToDate = self.take(start.news)
                guard !isUpToDate || start.hasErased else { return start }
                self.abandonIfBegun()
                if start.hasErased {
                    let registry = try shared.backend.registry(since: self.registry.version)
                    if let registry { self.take(registry) }
                }
                try self.catchUp(tenants)
            }
            throw BackendError.unavailable("others change the store faster than it can be followed")
        } catch {
            self.failed(error)
            throw error
        }
    }

    /// Ends a commit that has begun and came to nothing.
    func abandonIfBegun() {
        guard self.isBegun else { return }
        self.isBegun = false
        self.parts.shared?.backend.abandon()
    }

    /// Whether this instance does what one is enough for.
    var isHousekeeper: Bool { self.parts.shared?.keeper.isHousekeeper ?? true }
}

extension Submission {
    /// The lease whose expiry this proposes.
    fileprivate var expiring: ExpiringLease? {
        guard self.reply == nil, case .leaseRevoke(let lease) = self.operation else { return nil }
        return ExpiringLease(tenant: self.tenant.id, lease: lease)
    }
}
