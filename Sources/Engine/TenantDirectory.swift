package import ByreCore
import HashTreeCollections

/// All tenants of a store at one moment. Never changes: each change of the registry makes another.
///
/// Tenants whose erasing has begun are not in it.
package final class TenantDirectory: Sendable {
    /// Counts the changes of the registry since the start.
    package let version: Int
    /// Sorted by name.
    package let all: [TenantStore]
    private let tables: Tables

    /// What finds tenants; copies share their structure.
    private struct Tables {
        var byName: TreeDictionary<String, TenantStore> = [:]
        var byUID: TreeDictionary<String, TenantStore> = [:]
        var byID: TreeDictionary<TenantID, TenantStore> = [:]
        var byIdentity: TreeDictionary<TenantIdentity, TenantStore> = [:]

        mutating func insert(_ tenant: TenantStore, as definition: TenantDefinition) {
            self.byName[definition.name] = tenant
            self.byUID[definition.uid] = tenant
            self.byID[tenant.id] = tenant
            for identity in definition.identities { self.byIdentity[identity] = tenant }
        }

        mutating func remove(_ id: TenantID, as definition: TenantDefinition) {
            self.byName[definition.name] = nil
            self.byUID[definition.uid] = nil
            self.byID[id] = nil
            for identity in definition.identities { self.byIdentity[identity] = nil }
        }
    }

    private init(version: Int, all: [TenantStore], tables: Tables) {
        self.version = version
        self.all = all
        self.tables = tables
    }

    convenience init(_ tenants: [TenantStore]) {
        var tables = Tables()
        for tenant in tenants { tables.insert(tenant, as: tenant.definition) }
        self.init(version: 0, all: tenants.sorted { $0.name < $1.name }, tables: tables)
    }

    /// A deleted tenant is found too, until its erasing begins: its lifecycle tells.
    package subscript(name name: String) -> TenantStore? { self.tables.byName[name] }

    package subscript(uid uid: String) -> TenantStore? { self.tables.byUID[uid] }

    package subscript(id id: TenantID) -> TenantStore? { self.tables.byID[id] }

    /// The tenant whose definition lists `identity`. What its name and its uid prove is not looked at:
    /// see ``TenantIdentity/tenantURIPrefix``.
    package func tenant(with identity: TenantIdentity) -> TenantStore? {
        self.tables.byIdentity[identity]
    }

    // MARK: The next one

    /// The directory with a new tenant.
    /// - Complexity: O(tenants), to move a list of pointers; the tables share structure.
    func adding(_ tenant: TenantStore) -> TenantDirectory {
        let definition = tenant.definition
        var tables = self.tables
        tables.insert(tenant, as: definition)
        var all = self.all
        all.insert(tenant, at: self.place(of: definition.name))
        return TenantDirectory(version: self.version + 1, all: all, tables: tables)
    }

    /// The directory after a tenant's definition `old` was replaced by what it has now.
    func replacing(_ old: TenantDefinition, of tenant: TenantStore) -> TenantDirectory {
        let definition = tenant.definition
        var tables = self.tables
        tables.remove(tenant.id, as: old)
        tables.insert(tenant, as: definition)
        var all = self.all
        if old.name != definition.name {
            all.removeAll { $0 === tenant }
            all.append(tenant)
            all.sort { $0.name < $1.name }
        }
        return TenantDirectory(version: self.version + 1, all: all, tables: tables)
    }

    /// The directory of other tenants, some of them the same, whatever became of their definitions.
    /// - Complexity: O(*n* log *n*).
    func replacingAll(_ tenants: [TenantStore]) -> TenantDirectory {
        var tables = Tables()
        for tenant in tenants { tables.insert(tenant, as: tenant.definition) }
        return TenantDirectory(
            version: self.version + 1,
            all: tenants.sorted { $0.name < $1.name },
            tables: tables
        )
    }

    func removing(_ tenant: TenantStore) -> TenantDirectory {
        var tables = self.tables
        tables.remove(tenant.id, as: tenant.definition)
        return TenantDirectory(
            version: self.version + 1,
            all: self.all.filter { $0 !== tenant },
            tables: tables
        )
    }

    /// Index of the first tenant whose name is not less than `name`.
    private func place(of name: String) -> Int {
        var low = 0
        var high = self.all.count
        while low < high {
            let middle = (low + high) / 2
            if self.all[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
