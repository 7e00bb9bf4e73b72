/// Who a client is, as far as a listener is concerned.
package enum Resolution<Tenant> {
    case tenant(Tenant)
    /// An administrator, by the name that the configuration gives him: sees prefix and key of all.
    case raw(administrator: String)
    case rejected(Rejection)
}

extension Resolution: Sendable where Tenant: Sendable {}
extension Resolution: Equatable where Tenant: Equatable {}

/// Why a client is nobody.
package enum Rejection: Error, Hashable, Sendable, CaseIterable {
    /// The tenant that the listener is bound to is not there.
    case noSuchTenant
    /// The rules ask for a server name, and there is none, or none of a tenant.
    case serverName
    /// Nothing that the rules look at names a tenant.
    case unmapped
    /// A URI of Byre's in the certificate names no tenant, or not the one that the rest names.
    case foreignURI
    /// The certificate names a tenant, but not the one asked for by name.
    case disagreement
    /// The certificate names more than one.
    case ambiguous
    case suspended

    /// What the client is told. It names no tenant, and says what to do.
    package var message: String {
        switch self {
        case .noSuchTenant:
            "byre: the tenant of this listener does not exist; an administrator can create it with "
                + "\"byre tenant create\""
        case .serverName:
            "byre: the server name of this connection names no tenant; connect to the host name of "
                + "yours"
        case .unmapped:
            "byre: no tenant is mapped to this client; use a certificate from \"byre tenant "
                + "certificate\", or have an administrator add an identity of this one to its tenant"
        case .foreignURI:
            "byre: the certificate was issued for another tenant, or for one that does not exist; "
                + "get a new one from \"byre tenant certificate\""
        case .disagreement:
            "byre: the certificate is not one of the tenant that this server name stands for; "
                + "connect to the host name of the certificate's tenant"
        case .ambiguous:
            "byre: the certificate stands for more than one tenant or administrator; use one that "
                + "stands for one"
        case .suspended: "byre: tenant is suspended"
        }
    }

    /// Whether the same client may be let in later without doing anything: it should try again.
    package var isTemporary: Bool { self == .suspended }
}
