package import Controller

/// Which Secrets a tenant's credentials are in, and whose they are.
package struct SecretNames: Hashable, Sendable {
    /// What is put after an object's name when it names no Secret.
    private static let suffix = "-byre"

    package let namespace: String
    /// The Tenant's name and uid.
    package let tenant: String
    package let tenantUID: String
    /// The Secret with all of it, in Byre's own form.
    package let own: String

    /// - Precondition: the declaration is an object's: its key is `namespace/name`, its source that
    ///   and the object's uid.
    package init(of declaration: DesiredTenant) {
        let parts = declaration.source.split(separator: "/", omittingEmptySubsequences: false)
        precondition(parts.count == 3, "an object's declaration has its namespace, name and uid")
        self.namespace = String(parts[0])
        self.tenant = String(parts[1])
        self.tenantUID = String(parts[2])
        self.own = declaration.credentials?.place ?? self.tenant + Self.suffix
    }
}
