package import ByreCore

/// The tenants as the rules ask for them; a snapshot that does not change while it is asked.
package protocol TenantLookup {
    associatedtype Tenant

    /// Never one that is being deleted: it is as if it were not there.
    func tenant(named name: String) -> Tenant?

    /// Never one that is being deleted.
    func tenant(uid: String) -> Tenant?

    /// The tenant that lists an identity. Never one that is being deleted.
    func tenant(with identity: TenantIdentity) -> Tenant?

    func id(of tenant: Tenant) -> TenantID

    func isSuspended(_ tenant: Tenant) -> Bool
}
