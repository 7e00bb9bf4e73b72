/// A change of which tenants there are and how they are defined.
///
/// Part of a ``CommitBatch``, applied before everything else of it, in order.
package enum RegistryChange: Sendable {
    case create(TenantRecord, TenantDefinition)
    /// Replaces all of a definition but what is given once: uid, prefix and creation time.
    case define(TenantID, TenantDefinition)
    /// The tenant cannot be taken back from here on. Its identities end; its name and prefix stay
    /// taken until it is erased.
    case beginErasing(TenantID)
    /// Deletes those of the tenant's rows that are among these. In a shared store, of a tenant that is
    /// not being erased, only those above its commit point, and not while another instance imports.
    case eraseRows(TenantID, ClosedRange<RowID>)
    /// Deletes so many of the tenant's leases, any.
    case eraseLeases(TenantID, countMax: Int)
    /// Deletes the tenant, which has no rows any more, and all else of it.
    case erase(TenantID)

    package var tenant: TenantID {
        switch self {
        case .create(let record, _): record.id
        case .define(let id, _), .beginErasing(let id), .eraseRows(let id, _),
            .eraseLeases(let id, _), .erase(let id):
            id
        }
    }
}

/// A tenant as a store keeps it.
package struct StoredTenant: Hashable, Sendable {
    package var record: TenantRecord
    package var definition: TenantDefinition
    /// Whether its erasing has begun, and a part of it may be gone.
    package var isErasing: Bool

    package init(_ record: TenantRecord, _ definition: TenantDefinition, isErasing: Bool = false) {
        self.record = record
        self.definition = definition
        self.isErasing = isErasing
    }
}
