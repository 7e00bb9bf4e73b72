package import ByreCore

/// Somebody whom the configuration lets see the keys of all tenants, and use the admin API.
package struct Administrator: Hashable, Sendable {
    /// For logs and errors.
    package var name: String
    /// What his certificate carries.
    package var identity: TenantIdentity

    package init(name: String, identity: TenantIdentity) {
        self.name = name
        self.identity = identity
    }

    /// Whether the certificate among the facts is his.
    package func isNamed(by facts: ClientFacts) -> Bool {
        guard self.identity.kind != .serverName else { return false }
        return facts.values(self.identity.kind).contains(self.identity.value)
    }
}
