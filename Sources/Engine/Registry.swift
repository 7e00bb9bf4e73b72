import ByreCore

/// The tenants of a store, as the committer changes them: one commit for each change.
///
/// A change is checked against all tenants, made durable, and only then seen by anybody; so a crash
/// leaves the registry as it was before a change or after it. Belongs to the committer's thread.
///
/// ```
///   create ──► active ◄──► suspended
///                ▲ │           │
///       undelete │ ▼  delete   ▼     reclaimAt passed
///              deleting ◄──────┘ ───────────────────────► erasing ──► gone
/// ```
struct Registry {
    struct Parts: Sendable {
        let configuration: Configuration
        let clock: Clock
        let wallClock: WallClock
        let factory: TenantFactory
        let published: PublishedRegistry
        let backend: any Backend
    }

    /// Makes a batch durable.
    typealias Commit = (CommitBatch) throws(BackendError) -> Void

    let parts: Parts
    var directory: TenantDirectory
    /// Prefixes of tenants, erased ones until they are gone.
    var prefixes = PrefixSet()
    /// When the tenants that are being deleted are to be erased, in seconds since 1970.
    var reclaims: [TenantID: Int64] = [:]
    var nextID: Int64
    /// Tenants with a home of their own, until nothing is left of them.
    var homes: Set<TenantID> = []
    /// What is known of a shared store's registry.
    var version: Int64 = -1
    var erasings: [Erasing]
    /// When the erasing goes on.
    var nextErasing: Int64 = 0
    /// When it is tried again to begin an erasing, after that failed.
    private var nextReclaim: Int64 = 0

    init(_ parts: Parts, erasing: [RecoveredTenants.Erasing]) {
        self.parts = parts
        self.directory = parts.published.directory
        self.erasings = erasing.map { Erasing($0) }.sorted { $0.id < $1.id }
        self.nextID = 1
        for tenant in self.directory.all {
            let definition = tenant.definition
            self.note(definition, of: tenant.id)
            self.prefixes.insert(definition.prefix, of: tenant.id)
        }
        for erasing in self.erasings {
            self.nextID = max(self.nextID, erasing.id.rawValue + 1)
            self.prefixes.insert(erasing.definition.prefix, of: erasing.id)
            if erasing.definition.home != nil { self.homes.insert(erasing.id) }
        }
        self.publishErasings()
    }

    mutating func note(_ definition: TenantDefinition, of id: TenantID) {
        self.nextID = max(self.nextID, id.rawValue + 1)
        self.reclaims[id] = definition.lifecycle == .deleting ? definition.reclaimAt : nil
        if definition.home != nil { self.homes.insert(id) }
    }

    // MARK: Changes

    mutating func apply(
        _ change: TenantChange,
        nextRow: RowID,
        commit: Commit
    ) -> Result<TenantStore, TenantChangeError> {
        do throws(TenantChangeError) {
            switch change {
            case .create(let definition):
                return .success(try self.create(definition, nextRow: nextRow, commit: commit))
            case .replace(let id, let definition, let generation):
                return .success(
                    try self.replace(id, definition, ifGeneration: generation, commit: commit)
                )
            }
        } catch {
            return .failure(error)
        }
    }

    private mutating func create(
        _ wanted: TenantDefinition,
        nextRow: RowID,
        commit: Commit
    ) throws(TenantChangeError) -> TenantStore {
        var definition = wanted
        definition.generation = 1
        try Self.check(definition)
        guard definition.lifecycle != .deleting else {
            throw .invalid("a tenant does not begin by being deleted")
        }
        if let present = self.directory[uid: definition.uid] {
            guard present.definition.isSame(as: definition) else {
                throw .invalid("another tenant has this uid")
            }
            return present
        }
        guard !self.erasings.contains(where: { $0.definition.uid == definition.uid }) else {
            throw .erased
        }
        guard
            self.directory.all.count + self.erasings.count < self.parts.configuration.tenantsMax
        else { throw .tooManyTenants }
        try self.checkName(of: definition, id: nil)
        try self.checkIdentities(of: definition, id: nil)
        if let other = self.prefixes.overlap(with: definition.prefix) {
            throw .prefixTaken(by: self.name(of: other))
        }
        definition.home = try self.chooseHome(for: definition)
        // An id is not used again in this run, not even when its commit failed.
        let id = TenantID(rawValue: self.nextID)
        self.nextID += 1
        let record = TenantRecord(id: id, uid: definition.uid)
        try Self.commit(.create(record, definition), commit)
        let firstRow = definition.home == nil ? nextRow : record.nextRow
        let tenant = self.parts.factory.make(TenantState(record, nextRow: firstRow), definition)
        self.prefixes.insert(definition.prefix, of: id)
        self.note(definition, of: id)
        self.directory = self.directory.adding(tenant)
        self.parts.published.publish(self.directory, .created(tenant))
        return tenant
    }

    /// Where the data of a new tenant will be: nil for a shared one.
    private func chooseHome(
        for definition: TenantDefinition
    ) throws(TenantChangeError) -> String? {
        guard definition.isolation == .dedicated else { return nil }
        guard self.homes.count < self.parts.configuration.dedicatedTenantsMax else {
            throw .tooManyDedicatedTenants
        }
        do throws(HomeRefusal) {
            return try self.parts.backend.chooseHome(for: definition)
        } catch {
            switch error {
            case .refused(let why): throw .noHome(why)
            case .backend(let error): throw .backend(error)
            }
        }
    }

    private mutating func replace(
        _ id: TenantID,
        _ wanted: TenantDefinition,
        ifGeneration: Int64?,
        commit: Commit
    ) throws(TenantChangeError) -> TenantStore {
        guard !self.erasings.contains(where: { $0.id == id }) else { throw .erased }
        guard let tenant = self.directory[id: id] else { throw .notFound }
        let present = tenant.definition
        // Asked for again by somebody who did not see the answer.
        if wanted.isSame(as: present) { return tenant }
        guard ifGeneration == nil || ifGeneration == present.generation else {
            throw .generationMismatch(present: present.generation)
        }
        var definition = wanted
        definition.generation = present.generation + 1
        try Self.check(definition)
        do throws(DefinitionFault) {
            try present.check(replacedBy: definition)
        } catch {
            throw .invalid(error.description)
        }
        try self.checkName(of: definition, id: id)
        try self.checkIdentities(of: definition, id: id)
        try Self.commit(.define(id, definition), commit)
        self.note(definition, of: id)
        tenant.define(definition, now: self.parts.clock.now())
        self.directory = self.directory.replacing(present, of: tenant)
        self.parts.published.publish(self.directory, .defined(tenant, before: present))
        return tenant
    }

    static func commit(
        _ change: RegistryChange,
        _ commit: Commit
    ) throws(TenantChangeError) {
        var batch = CommitBatch()
        batch.registry = [change]
        do throws(BackendError) {
            try commit(batch)
        } catch {
            throw .backend(error)
        }
    }

    // MARK: Checks

    private static func check(_ definition: TenantDefinition) throws(TenantChangeError) {
        do throws(DefinitionFault) {
            try definition.check()
        } catch {
            throw .invalid(error.description)
        }
    }

    /// Refuses a name that another tenant has, or lists as a common name of its clients.
    private func checkName(
        of definition: TenantDefinition,
        id: TenantID?
    ) throws(TenantChangeError) {
        let name = definition.name
        if let other = self.directory[name: name], other.id != id {
            throw .nameTaken(isDeleting: other.lifecycle == .deleting)
        }
        guard !self.erasings.contains(where: { $0.definition.name == name }) else {
            throw .nameTaken(isDeleting: true)
        }
        let identity = TenantIdentity(.commonName, name)
        if let other = self.directory.tenant(with: identity), other.id != id {
            throw .identityTaken(identity, by: other.name)
        }
    }

    /// Refuses identities that another tenant lists, or has by its name.
    private func checkIdentities(
        of definition: TenantDefinition,
        id: TenantID?
    ) throws(TenantChangeError) {
        for identity in definition.identities.sorted() {
            if let other = self.directory.tenant(with: identity), other.id != id {
                throw .identityTaken(identity, by: other.name)
            }
            guard identity.kind == .commonName else { continue }
            if let other = self.directory[name: identity.value], other.id != id {
                throw .identityTaken(identity, by: other.name)
            }
        }
    }

    private func name(of id: TenantID) -> String {
        self.directory[id: id]?.name
            ?? self.erasings.first { $0.id == id }?.definition.name ?? ""
    }

    // MARK: Erasing

    /// When the erasing of tenants goes on; `Int64.max` for never.
    var next: Int64 { self.erasings.isEmpty ? .max : self.nextErasing }

    /// Tenants whose time to be taken back is over.
    func overdue() -> [TenantStore] {
        guard !self.reclaims.isEmpty, self.parts.clock.now() >= self.nextReclaim else { return [] }
        let now = self.parts.wallClock.seconds()
        return self.reclaims.filter { $0.value <= now }.keys.sorted().compactMap {
            self.directory[id: $0]
        }
    }

    /// Takes a tenant out of the registry and lets go of what it holds, when this is durable.
    mutating func beginErasing(
        _ tenant: TenantStore,
        epoch: () -> Int64,
        commit: Commit
    ) throws(TenantChangeError) {
        do throws(TenantChangeError) {
            try Self.commit(.beginErasing(tenant.id), commit)
        } catch {
            let configuration = self.parts.configuration
            self.nextReclaim = self.parts.clock.now() + configuration.eraseRetryNanoseconds
            throw error
        }
        let state = tenant.snapshot.state
        self.reclaims[tenant.id] = nil
        self.directory = self.directory.removing(tenant)
        tenant.dissolve()
        let hasOwnRows = state.lastRow.rawValue > 0 || tenant.hasHome
        self.erasings.append(
            hasOwnRows
                ? Erasing(shared: StoredTenant(state.record, tenant.definition), epoch: epoch())
                : Erasing(
                    id: tenant.id,
                    definition: tenant.definition,
                    rows: state.rows,
                    leases: state.leases.count,
                    epoch: epoch()
                )
        )
        self.parts.published.publish(self.directory, .erased(tenant))
        self.publishErasings()
    }

    /// Forgets a tenant of which nothing is left in the store.
    mutating func forget(_ id: TenantID) {
        self.erasings.removeAll { $0.id == id }
        self.homes.remove(id)
        self.prefixes.remove(id)
    }
}
