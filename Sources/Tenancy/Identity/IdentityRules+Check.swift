package import ByreCore

/// Rules that cannot work as they are, or would let in whom they should not.
package enum IdentityRulesError: Error, Hashable, Sendable {
    /// Nothing to look at.
    case empty
    /// A kind is named twice.
    case repeated(TenantIdentity.Kind)
    /// A part of certificates is looked at where none is asked for.
    case needsCertificates(TenantIdentity.Kind)
    /// The server name alone would authorise, on a listener that asks for certificates.
    case serverNameAlone
    /// A suffix that nothing looks at, or that does not begin with a dot.
    case uselessSuffix
    case malformedSuffix
    case malformedName

    package var message: String {
        switch self {
        case .empty: "names nothing to tell tenants by"
        case .repeated(let kind): "names \(kind.configurationName) twice"
        case .needsCertificates(let kind):
            "looks at \(kind.configurationName), but the listener asks for no client certificates: "
                + "add tls.clientCA"
        case .serverNameAlone:
            "lets a server name authorise, which any client can choose: add \"and\" or another of "
                + TenantIdentity.Kind.ofCertificates.map(\.configurationName).joined(
                    separator: ", "
                )
        case .uselessSuffix: "applies to dnsSAN and serverName only, and neither is looked at"
        case .malformedSuffix: "must begin with a dot and be part of a host name"
        case .malformedName: "is not a name of a tenant: 1 to 63 letters a-z, digits and hyphens"
        }
    }
}

extension IdentityRules {
    /// Refuses rules that cannot work or are not safe.
    package func check() throws(IdentityRulesError) {
        switch self.binding {
        case .tenant(let name):
            guard TenantDefinition.isValidName(name) else { throw .malformedName }
            guard self.suffix.isEmpty else { throw .uselessSuffix }
        case .from(let kinds, let and):
            guard !kinds.isEmpty else { throw .empty }
            let all = kinds + (and.map { [$0] } ?? [])
            var seen: Set<TenantIdentity.Kind> = []
            for kind in all where !seen.insert(kind).inserted { throw .repeated(kind) }
            if let kind = all.first(where: { $0 != .serverName }), !self.asksForCertificates {
                throw .needsCertificates(kind)
            }
            if self.asksForCertificates, !all.contains(where: { $0 != .serverName }) {
                throw .serverNameAlone
            }
            guard !self.suffix.isEmpty else { return }
            guard all.contains(where: { $0 == .dnsSAN || $0 == .serverName }) else {
                throw .uselessSuffix
            }
            let labels = self.suffix.dropFirst().split(
                separator: ".",
                omittingEmptySubsequences: false
            )
            guard self.suffix.hasPrefix("."),
                labels.allSatisfy({ TenantDefinition.isValidName(String($0)) })
            else { throw .malformedSuffix }
        }
    }
}

extension TenantIdentity.Kind {
    /// As the configuration file calls it.
    package var configurationName: String {
        switch self {
        case .uriSAN: "uriSAN"
        case .dnsSAN: "dnsSAN"
        case .commonName: "commonName"
        case .authority: "authority"
        case .serverName: "serverName"
        }
    }
}
