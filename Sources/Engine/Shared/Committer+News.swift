import ByreCore

// What other instances commit to a shared store: applied and published here as if it was committed here.
extension Committer {
    /// Looks at what came to attention.
    /// - Returns: proposals to end leases that are over.
    func expiries() -> [Submission] {
        guard let shared = self.parts.shared, var following = self.following else { return [] }
        let directory = self.registry.directory
        if following.note(shared.attention.take(), directory) {
            for tenant in directory.all { tenant.share(among: following.instances) }
        }
        let overdue = following.takeOverdue()
        self.following = following
        return overdue.compactMap { lease in
            guard let tenant = directory[id: lease.tenant], tenant.lifecycle == .active,
                tenant.snapshot.state.leases.contains(lease.lease)
            else { return nil }
            return Submission(
                tenant: tenant,
                operation: .leaseRevoke(lease.lease),
                deadline: .max,
                reply: nil
            )
        }
    }

    /// Fetches and publishes a bounded amount of news.
    func follow() {
        guard let shared = self.parts.shared, let following = self.following, following.hasWork,
            !following.isPaused(now: self.parts.clock.now())
        else { return }
        do throws(BackendError) {
            if following.wantsRegistry {
                let news = try shared.backend.registry(since: self.registry.version)
                if let news { self.take(news) }
                self.following?.tookRegistry()
            }
            let behind =
                self.following?.behind(
                    self.registry.directory,
                    countMax: self.parts.configuration.tenantsPerNewsMax
                ) ?? []
            if !behind.isEmpty { _ = try self.fetch(behind) }
            self.following?.resume()
        } catch {
            let pause = self.parts.configuration.settleRetryNanoseconds
            self.following?.pause(until: self.parts.clock.now() + pause)
            shared.barrier.fail(.backend(error))
            return
        }
        // The rest has its turn after the operations that came meanwhile.
        if self.following?.hasWork == true { self.parts.queue.poke() }
    }

    /// Fetches news until some tenants have no more, for as long as a request may wait for it.
    func catchUp(_ tenants: [TenantStore]) throws(BackendError) {
        let clock = self.parts.clock
        let deadline = clock.now() + self.parts.configuration.requestTimeoutNanoseconds
        var behind = tenants
        while !behind.isEmpty {
            guard clock.now() < deadline else {
                for tenant in behind { self.following?.want(tenant.id) }
                throw .unavailable("others change the store faster than it can be followed")
            }
            behind = try self.fetch(behind)
        }
    }

    /// Fetches one slice of news.
    /// - Returns: those of the tenants that have more.
    private func fetch(_ tenants: [TenantStore]) throws(BackendError) -> [TenantStore] {
        guard let shared = self.parts.shared, let following = self.following else { return [] }
        let news = try shared.backend.news(since: tenants.map { following.cursor(of: $0) })
        _ = self.take(news)
        let incomplete = Set(
            news.filter { !$0.isComplete || self.following?.isReloading($0.record.id) == true }
                .map(\.record.id)
        )
        for tenant in tenants where !incomplete.contains(tenant.id) {
            self.following?.caughtUp(tenant.id)
        }
        return tenants.filter { incomplete.contains($0.id) && !$0.isErased }
    }

    /// Applies and publishes news.
    /// - Returns: whether all tenants are up to date by them.
    func take(_ news: [TenantNews]) -> Bool {
        var isUpToDate = true
        for slice in news where !self.take(slice) { isUpToDate = false }
        return isUpToDate
    }

    private func take(_ news: TenantNews) -> Bool {
        guard let tenant = self.registry.directory[id: news.record.id] else { return true }
        self.following?.sawOthers(write: tenant.id, now: self.parts.clock.now())
        if self.following?.isReloading(tenant.id) == true {
            return self.reload(tenant, with: news)
        }
        var state = tenant.snapshot.state
        let compactRevision = state.compactRevision
        guard let applied = state.apply(news) else {
            self.following?.beginReload(tenant, now: self.parts.clock.now())
            return false
        }
        self.following?.took(news)
        for row in news.rows where !row.version.isTombstone {
            self.parts.cache.insert(row.value, of: row.version.row, tenant: tenant.id)
        }
        self.publish(
            state,
            of: tenant,
            changes: applied.changes,
            leases: applied.leases,
            isCompacted: state.compactRevision != compactRevision
        )
        tenant.wakeStreams()
        return news.isComplete
    }

    private func reload(_ tenant: TenantStore, with news: TenantNews) -> Bool {
        let now = self.parts.clock.now()
        guard let whole = self.following?.reload(tenant, with: news, now: now) else { return false }
        let state = whole.state
        let waiters = tenant.withLive { live in
            live.hub.reload(
                at: state.revision,
                compactRevision: state.compactRevision,
                log: whole.log
            )
            let gone = live.revocationWaiters.keys.filter { !state.leases.contains($0) }
            live.lessor = Lessor()
            for lease in state.leases.records {
                live.lessor.start(lease.id, ttlSeconds: lease.ttlSeconds, now: now)
            }
            tenant.publish(state)
            return gone.flatMap { live.revocationWaiters.removeValue(forKey: $0) ?? [] }
        }
        for waiter in waiters { waiter() }
        self.parts.shared?.barrier.published(tenant)
        self.compactions.restart(tenant)
        return true
    }

    /// Takes over what changed in the registry elsewhere.
    func take(_ news: RegistryNews) {
        let changed = self.registry.take(news)
        for tenant in changed.erased { self.forget(tenant) }
        for tenant in changed.created {
            if let following = self.following { tenant.share(among: following.instances) }
            // It may hold something already.
            self.following?.want(tenant.id)
        }
        for tenant in changed.defined where tenant.lifecycle == .deleting {
            // It takes its import with it.
            self.imports.abandon(tenant.id)
        }
    }

    // MARK: Housekeeping

    /// Deletes compacted rows that nobody reads any more, if this instance is the one to do it.
    func removeShared(now: Int64) {
        guard let shared = self.parts.shared else { return }
        let hasRemoved = self.compactions.removeShared(
            isHousekeeper: self.isHousekeeper,
            readSince: shared.keeper.readSince,
            now: now
        ) { rows throws(BackendError) in try shared.backend.remove(rows) }
        // The rest has its turn after the operations that came meanwhile.
        if hasRemoved { self.parts.queue.poke() }
    }

    /// Whether it is time for the backend's own housekeeping: always on a store with one writer.
    func maintains(now: Int64) -> Bool {
        guard self.parts.shared != nil else { return true }
        guard self.isHousekeeper, now >= self.nextMaintenance else { return false }
        self.nextMaintenance = now + self.parts.configuration.sharedMaintenanceNanoseconds
        return true
    }
}
