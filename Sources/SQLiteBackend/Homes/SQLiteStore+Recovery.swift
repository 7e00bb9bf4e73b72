package import ByreCore
import SQLite

extension SQLiteStore {
    /// Opens the files of all dedicated tenants, and makes those that a crash kept from being made.
    func openHomes() throws(StoreError) {
        let (tenants, unmade) = try self.storedTenants()
        for tenant in tenants {
            guard let file = tenant.definition.home else { continue }
            let id = tenant.record.id
            self.files[id] = file
            // What is being erased may be gone in parts.
            if tenant.isErasing { continue }
            do throws(BackendError) {
                if unmade.contains(id) {
                    try self.makeHome(tenant.record, tenant.definition, file)
                    continue
                }
                guard StoreFile.isThere(self.path(of: file)) else {
                    throw BackendError.corrupt("it is not there: restore it from a backup")
                }
            } catch {
                throw self.unusable(tenant, error)
            }
            let home = try self.open(file)
            self.homes.set(home, of: id)
            do throws(BackendError) {
                try self.agree(on: tenant, with: home)
            } catch {
                throw self.unusable(tenant, error)
            }
        }
    }

    private func unusable(_ tenant: StoredTenant, _ error: BackendError) -> StoreError {
        let why =
            switch error {
            case .unavailable(let why), .uncertain(let why), .corrupt(let why): why
            }
        return StoreError.unusable(
            path: self.path(of: tenant.definition.home ?? ""),
            why: "the file of tenant \(tenant.definition.name): \(why)"
        )
    }

    private func storedTenants() throws(StoreError) -> ([StoredTenant], unmade: Set<TenantID>) {
        do throws(BackendError) {
            return (try self.main.tenants(), try self.main.unmadeHomes())
        } catch {
            throw StoreError.unusable(path: self.main.path, why: "\(error)")
        }
    }

    /// Has the main file and a home say the same of a tenant: what was decided last.
    private func agree(
        on tenant: StoredTenant,
        with home: SQLiteBackend
    ) throws(BackendError) {
        let stored = try home.tenants()
        guard stored.count == 1, let own = stored.first, own.record.id == tenant.record.id,
            own.definition.uid == tenant.definition.uid, !own.isErasing
        else { throw .corrupt("it holds other tenants") }
        var batch = CommitBatch()
        if own.definition.generation > tenant.definition.generation {
            var newer = own.definition
            newer.home = tenant.definition.home
            batch.registry = [.define(tenant.record.id, newer)]
            try self.main.commit(batch)
        } else if own.definition != tenant.definition.atHome {
            batch.registry = [.define(tenant.record.id, tenant.definition.atHome)]
            try home.commit(batch)
        }
    }

    package func recover(into recovery: inout some Recovery) throws(BackendError) {
        var mains = MainRecovery(base: recovery)
        defer { recovery = mains.base }
        try self.main.recover(into: &mains)
        for tenant in mains.housed {
            guard let home = self.homes.backend(of: tenant.record.id) else {
                throw .corrupt("tenant \(tenant.record.id.rawValue) has no file")
            }
            var homes = HomeRecovery(base: mains.base, definition: tenant.definition)
            defer { mains.base = homes.base }
            try home.recover(into: &homes)
        }
    }
}

/// Passes on what the main file holds, but for the tenants whose data are in homes.
private struct MainRecovery<Base: Recovery>: Recovery {
    var base: Base
    /// Tenants of which the homes tell.
    private(set) var housed: [StoredTenant] = []

    init(base: Base) {
        self.base = base
    }

    mutating func tenant(_ tenant: StoredTenant) {
        if tenant.definition.home == nil || tenant.isErasing {
            self.base.tenant(tenant)
        } else {
            self.housed.append(tenant)
        }
    }

    mutating func lease(_ tenant: TenantID, _ lease: LeaseRecord) {
        self.base.lease(tenant, lease)
    }

    mutating func alarm(_ tenant: TenantID, _ alarm: Alarm) { self.base.alarm(tenant, alarm) }

    mutating func row(_ tenant: TenantID, key: Bytes, version: Version) {
        self.base.row(tenant, key: key, version: version)
    }
}

/// Passes on what a home holds, with the tenant as the store knows it.
private struct HomeRecovery<Base: Recovery>: Recovery {
    var base: Base
    let definition: TenantDefinition

    mutating func tenant(_ tenant: StoredTenant) {
        self.base.tenant(StoredTenant(tenant.record, self.definition))
    }

    mutating func lease(_ tenant: TenantID, _ lease: LeaseRecord) {
        self.base.lease(tenant, lease)
    }

    mutating func alarm(_ tenant: TenantID, _ alarm: Alarm) { self.base.alarm(tenant, alarm) }

    mutating func row(_ tenant: TenantID, key: Bytes, version: Version) {
        self.base.row(tenant, key: key, version: version)
    }
}
