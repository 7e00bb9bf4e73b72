import ByreCore
import Engine
import Tenancy

/// The tenants of a store as identity rules see them: those that are being deleted are not there.
struct DirectoryLookup: TenantLookup {
    let directory: TenantDirectory

    func tenant(named name: String) -> TenantStore? { Self.visible(self.directory[name: name]) }

    func tenant(uid: String) -> TenantStore? { Self.visible(self.directory[uid: uid]) }

    func tenant(with identity: TenantIdentity) -> TenantStore? {
        Self.visible(self.directory.tenant(with: identity))
    }

    func id(of tenant: TenantStore) -> TenantID { tenant.id }

    func isSuspended(_ tenant: TenantStore) -> Bool { tenant.lifecycle == .suspended }

    private static func visible(_ tenant: TenantStore?) -> TenantStore? {
        guard let tenant, tenant.lifecycle != .deleting else { return nil }
        return tenant
    }
}
