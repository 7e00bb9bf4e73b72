package import ByreCore

/// What a client has shown of itself, verified or chosen, before it is anybody.
package struct ClientFacts: Hashable, Sendable {
    /// Whether it has shown a certificate that a trusted authority vouches for. What is said of the
    /// certificate below counts only then.
    package var hasCertificate = false
    package var uris: [String] = []
    package var dnsNames: [String] = []
    package var commonName: String?
    /// The authorities above the certificate: SHA-256 of their public keys, 64 hexadecimal digits.
    package var authorities: [String] = []
    /// The host it asked for: the server name of TLS, else the host of `:authority`. The client
    /// chooses it freely, so it proves nothing.
    package var serverName: String?

    package init() {}

    /// What the facts have to say where an identity of this kind is looked for.
    ///
    /// DNS names are compared without regard to case, so they are in lower case here.
    package func values(_ kind: TenantIdentity.Kind) -> [String] {
        switch kind {
        case .serverName: return self.serverName.map { [$0.lowercased()] } ?? []
        case _ where !self.hasCertificate: return []
        case .uriSAN: return self.uris
        case .dnsSAN: return self.dnsNames.map { $0.lowercased() }
        case .commonName: return self.commonName.map { [$0] } ?? []
        case .authority: return self.authorities
        }
    }
}

/// The URI by which a certificate names a tenant for good: `urn:byre:tenant:<uid>`.
package enum TenantURI {
    /// Beginning of every URI that is Byre's to give. One that names no tenant is refused, whatever
    /// else the certificate says: the tenant it was made for is gone.
    private static let namespace = "urn:byre:"
    private static let prefix = TenantIdentity.tenantURIPrefix

    /// The URI of a tenant.
    package static func text(uid: String) -> String { self.prefix + uid }

    /// Whether a URI is Byre's.
    static func isOurs(_ uri: String) -> Bool { uri.lowercased().hasPrefix(self.namespace) }

    /// The uid in a URI; nil if it is of another form.
    ///
    /// The words of a URN are compared without regard to case (RFC 8141, section 3.1), and so is a
    /// UUID.
    static func uid(_ uri: String) -> String? {
        let text = uri.lowercased()
        guard text.hasPrefix(self.prefix) else { return nil }
        return String(text.dropFirst(self.prefix.count))
    }
}
