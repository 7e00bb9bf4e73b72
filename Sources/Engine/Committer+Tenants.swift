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
            let result = self.registry.apply(submission.change, nextRow: self.nextRow) {
                batch throws(BackendError) in try self.commitDirectly(batch)
            }
            if case .success(let tenant) = result, tenant.lifecycle == .deleting {
                // It takes its import with it.
                self.imports.abandon(tenant.id)
            }
            submission.answer(result)
        }
        // The rest has its turn after the operations that came meanwhile.
        if changed == self.parts.configuration.tenantChangesPerTurn { self.parts.queue.poke() }
    }

    /// Begins to erase the tenants whose time is over, and goes on with one that is being erased.
    func eraseTenants() {
        for tenant in self.registry.overdue() {
            do throws(TenantChangeError) {
                try self.registry.beginErasing(tenant, epoch: self.parts.pins.advance) {
                    batch throws(BackendError) in try self.commitDirectly(batch)
                }
            } catch {
                // It is tried again later.
                break
            }
            self.forget(tenant)
        }
        self.registry.eraseSlice(
            now: self.parts.clock.now(),
            mayDelete: self.parts.pins.mayDelete
        ) { batch throws(BackendError) in try self.commitDirectly(batch) }
    }
}
