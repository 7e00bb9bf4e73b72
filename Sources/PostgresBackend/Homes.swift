import ByreCore
import Synchronization

/// Which tenants have a schema of their own, for all threads of an instance.
///
/// A dedicated tenant's *home* is a schema with all the tables of a store. Its `kv` is there alone.
/// Its row of `tenant`, its leases and alarms are in the store's schema, where they are locked,
/// renewed and followed as those of any tenant, and each commit writes them to the home too: so
/// whatever is done with a tenant takes the same few statements and connections, and a home is
/// whole at every moment.
final class Homes: Sendable {
    private let schemas = Mutex<[TenantID: String]>([:])
    /// So that a store without any pays nothing for those that may be.
    private let count = Atomic<Int>(0)
    private let shared: StoreStatements

    init(_ shared: StoreStatements) {
        self.shared = shared
    }

    var isEmpty: Bool { self.count.load(ordering: .relaxed) == 0 }

    /// The schema of a tenant; nil for one whose data are among those of others.
    func schema(of tenant: TenantID) -> String? {
        self.isEmpty ? nil : self.schemas.withLock { $0[tenant] }
    }

    /// The statements that find a tenant's rows.
    func sql(of tenant: TenantID) -> StoreStatements {
        self.schema(of: tenant).map { StoreStatements(self.shared, home: $0) } ?? self.shared
    }

    func set(_ schema: String?, of tenant: TenantID) {
        self.schemas.withLock { schemas in
            schemas[tenant] = schema
            self.count.store(schemas.count, ordering: .relaxed)
        }
    }

    /// Takes over what a registry says.
    /// - Parameter present: all tenants there are.
    func take(_ changed: [StoredTenant], present: Set<TenantID>) {
        self.schemas.withLock { schemas in
            for tenant in changed { schemas[tenant.record.id] = tenant.definition.home }
            schemas = schemas.filter { present.contains($0.key) }
            self.count.store(schemas.count, ordering: .relaxed)
        }
    }
}
