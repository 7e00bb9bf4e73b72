import ByreCore

extension Registry {
    /// Tenants that came, changed and went elsewhere.
    struct Changed {
        var created: [TenantStore] = []
        var defined: [TenantStore] = []
        var erased: [TenantStore] = []
    }

    /// Takes over what changed in the registry of a shared store, this instance's own changes too.
    ///
    /// A tenant that is new begins empty: what it holds comes as its news.
    mutating func take(_ news: RegistryNews) -> Changed {
        guard news.version > self.version else { return Changed() }
        self.version = news.version
        self.nextID = max(self.nextID, news.nextID.rawValue)
        var changed = Changed()
        var befores: [TenantDefinition] = []
        for stored in news.changed {
            let id = stored.record.id
            let present = self.directory[id: id]
            if stored.isErasing {
                self.noteErasing(stored)
                if let present { changed.erased.append(present) }
            } else if let present {
                let before = present.definition
                guard before != stored.definition else { continue }
                present.define(stored.definition, now: self.parts.clock.now())
                self.note(stored.definition, of: id)
                changed.defined.append(present)
                befores.append(before)
            } else {
                changed.created.append(self.make(stored))
            }
        }
        for tenant in self.directory.all where !news.present.contains(tenant.id) {
            changed.erased.append(tenant)
        }
        for erasing in self.erasings where !news.present.contains(erasing.id) {
            self.forget(erasing.id)
        }
        self.publish(changed, befores)
        return changed
    }

    private mutating func make(_ stored: StoredTenant) -> TenantStore {
        let record = stored.record.atBeginning
        self.prefixes.insert(stored.definition.prefix, of: record.id)
        self.note(stored.definition, of: record.id)
        return self.parts.factory.make(
            TenantState(record, nextRow: record.nextRow),
            stored.definition
        )
    }

    /// Notes a tenant whose erasing has begun elsewhere; any instance may go on with it.
    private mutating func noteErasing(_ stored: StoredTenant) {
        let id = stored.record.id
        self.reclaims[id] = nil
        if stored.definition.home != nil { self.homes.insert(id) }
        guard !self.erasings.contains(where: { $0.id == id }) else { return }
        if self.directory[id: id] == nil { self.prefixes.insert(stored.definition.prefix, of: id) }
        self.erasings.append(Erasing(shared: stored, epoch: nil))
    }

    private mutating func publish(_ changed: Changed, _ befores: [TenantDefinition]) {
        defer { self.publishErasings() }
        guard
            !changed.created.isEmpty || !changed.defined.isEmpty || !changed.erased.isEmpty
        else { return }
        let gone = Set(changed.erased.map(\.id))
        self.directory = self.directory.replacingAll(
            self.directory.all.filter { !gone.contains($0.id) } + changed.created
        )
        for tenant in changed.erased {
            self.reclaims[tenant.id] = nil
            tenant.dissolve()
            self.parts.published.publish(self.directory, .erased(tenant))
        }
        for tenant in changed.created {
            self.parts.published.publish(self.directory, .created(tenant))
        }
        for (tenant, before) in zip(changed.defined, befores) {
            self.parts.published.publish(self.directory, .defined(tenant, before: before))
        }
        if changed.erased.isEmpty { return }
        for id in gone where !self.erasings.contains(where: { $0.id == id }) {
            self.homes.remove(id)
            self.prefixes.remove(id)
        }
    }
}

extension Registry.Erasing {
    /// A tenant of a shared store, whose rows have numbers of their own.
    init(shared stored: StoredTenant, epoch: Int64?) {
        var rows = RowSpan(from: .first(of: stored.record.id))
        // What has a home goes with it.
        if stored.definition.home == nil, stored.record.lastRow.rawValue > 0 {
            rows.include(.first(of: stored.record.id))
            rows.include(stored.record.lastRow)
        }
        self.init(
            id: stored.record.id,
            definition: stored.definition,
            rows: rows,
            // They go with the tenant.
            leases: 0,
            epoch: epoch
        )
    }
}
