import ByreCore

extension Committer {
    /// Makes the changes of the registry that wait, a bounded number of them.
    func changeTenants() {
        var changed = 0
        while changed < self.parts.configuration.tenantChangesPerTurn,
            let submission = self.parts.tenantChanges.takeFirstIfAny()
        {
            changed += 1
            if let refusal = self.importRefusal(of: submission.change) {
                submission.answer(.failure(refusal))
                continue
            }
            let result = self.apply(submission.change)
            if case .success(let tenant) = result, tenant.lifecycle == .deleting {
                // It takes its import with it.
                self.imports.abandon(tenant.id)
            }
            submission.answer(result)
        }
        // The rest has its turn after the operations that came meanwhile.
        if changed == self.parts.configuration.tenantChangesPerTurn { self.parts.queue.poke() }
    }

    private func apply(_ change: TenantChange) -> Result<TenantStore, TenantChangeError> {
        guard self.parts.shared != nil else {
            return self.registry.apply(change, nextRow: self.nextRow) {
                batch throws(BackendError) in try self.commitDirectly(batch)
            }
        }
        defer { self.abandonIfBegun() }
        var tenant: TenantStore?
        if case .replace(let id, _, _) = change { tenant = self.registry.directory[id: id] }
        do throws(BackendError) {
            try self.beginRegistry(tenant.map { [$0] } ?? [])
        } catch {
            return .failure(.backend(error))
        }
        return self.registry.apply(change, nextRow: self.nextRow) {
            batch throws(BackendError) in
            try self.commitDirectly(tenant.map { Self.clearing($0, in: batch) } ?? batch)
        }
    }

    /// A change that makes a tenant active, with the rows deleted that an import left above the tenant's
    /// revision when its instance ended.
    private static func clearing(_ tenant: TenantStore, in batch: CommitBatch) -> CommitBatch {
        let state = tenant.snapshot.state
        guard case .define(_, let definition)? = batch.registry.first,
            definition.lifecycle == .active, tenant.lifecycle != .active, state.isPristine,
            let rows = state.usedRows
        else { return batch }
        var batch = batch
        batch.registry.insert(.eraseRows(tenant.id, rows), at: 0)
        return batch
    }

    /// Begins to erase the tenants whose time is over, and goes on with one that is being erased.
    func eraseTenants() {
        let isShared = self.parts.shared != nil
        for tenant in self.registry.overdue() {
            if isShared {
                // Somebody may have taken it back elsewhere.
                guard (try? self.beginRegistry([tenant])) != nil else { break }
                guard self.registry.overdue().contains(where: { $0 === tenant }) else {
                    self.abandonIfBegun()
                    continue
                }
            }
            do throws(TenantChangeError) {
                try self.registry.beginErasing(
                    tenant,
                    epoch: { self.parts.pins.advance(now: self.parts.clock.now()) }
                ) {
                    batch throws(BackendError) in try self.commitDirectly(batch)
                }
            } catch {
                // It is tried again later.
                break
            }
            self.forget(tenant)
        }
        let now = self.parts.clock.now()
        // Begun before the registry changes, because it may take what others did to it.
        if isShared {
            guard self.registry.isSliceDue(now) else { return }
            guard (try? self.beginRegistry()) != nil else {
                self.registry.nextErasing = now + self.parts.configuration.eraseRetryNanoseconds
                return
            }
        }
        defer { self.abandonIfBegun() }
        self.registry.eraseSlice(now: now, mayDelete: self.parts.pins.mayDelete) {
            batch throws(BackendError) in try self.commitDirectly(batch)
        }
    }
}
