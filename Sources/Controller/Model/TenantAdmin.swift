package import ByreCore

/// The admin API as the reconciler needs it.
///
/// Calls block. Each thread has one of its own, from a ``TenantAdminFactory``.
package protocol TenantAdmin: AnyObject {
    /// All tenants with what they use, those that are being deleted and erased too.
    func list() throws(AdminFailure) -> [ActualTenant]

    /// One tenant; nil when there is none of the name.
    func tenant(named name: String) throws(AdminFailure) -> ActualTenant?

    /// Creates a tenant; one that was created with the same words is answered with.
    func create(_ tenant: NewTenant) throws(AdminFailure) -> ActualTenant

    /// Sets all settings of a tenant.
    /// - Throws: ``AdminFailure/conflict(_:)`` unless it is at `generation`.
    func update(
        _ uid: String,
        to settings: TenantSettings,
        ifGeneration generation: Int64
    ) throws(AdminFailure) -> ActualTenant

    func suspend(_ uid: String, ifGeneration: Int64) throws(AdminFailure) -> ActualTenant
    func resume(_ uid: String, ifGeneration: Int64) throws(AdminFailure) -> ActualTenant
    func delete(
        _ uid: String,
        graceSeconds: Int64,
        ifGeneration: Int64
    ) throws(AdminFailure) -> ActualTenant
    func undelete(_ uid: String, ifGeneration: Int64) throws(AdminFailure) -> ActualTenant

    /// Roles of PostgreSQL that read the tenant; nil when the store is not in PostgreSQL.
    func sqlReaders(of uid: String) throws(AdminFailure) -> [ActualSQLReader]?

    /// Makes `roles` those that read the tenant, and no others.
    /// - Parameter verifiers: of passwords to set, by role: SCRAM-SHA-256 as `pg_authid` has it.
    func setSQLReaders(
        of uid: String,
        to roles: [String],
        verifiers: [String: String]
    ) throws(AdminFailure)
}

/// Connects to the server that keeps the tenants.
package typealias TenantAdminFactory = @Sendable () throws(AdminFailure) -> any TenantAdmin

/// What a tenant is created with.
package struct NewTenant: Hashable, Sendable {
    package var name: String
    /// Nil to be given one.
    package var uid: String?
    /// Nil for the usual one, `/NAME/`.
    package var prefix: Bytes?
    package var isolation: TenantDefinition.Isolation
    package var settings: TenantSettings

    package init(
        name: String,
        uid: String?,
        prefix: Bytes?,
        isolation: TenantDefinition.Isolation,
        settings: TenantSettings
    ) {
        self.name = name
        self.uid = uid
        self.prefix = prefix
        self.isolation = isolation
        self.settings = settings
    }
}

/// Why the admin API did not do what was asked; each with the server's words.
package enum AdminFailure: Error, Hashable, Sendable {
    /// It cannot be reached, or cannot answer now: asked again later.
    case unreachable(String)
    /// Somebody else has changed the tenant meanwhile, or it is gone: look again.
    case conflict(String)
    /// It will not be done as long as things are as they are.
    case refused(String)
    /// The server does not take this client for an administrator.
    case denied(String)
}
