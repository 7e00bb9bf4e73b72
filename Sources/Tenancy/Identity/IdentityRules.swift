package import ByreCore

/// How the clients of one listener are told apart.
///
/// A certificate stands for the tenants that list one of its identities; if none does, for those
/// whose name or uid it carries. It must stand for exactly one, whichever kind is looked at first.
/// The subject's organisation is never looked at. A server name is chosen by the client, so on a
/// listener that asks for certificates it may only narrow down what the certificate allows; on one
/// that does not, it selects.
package struct IdentityRules: Hashable, Sendable {
    package enum Binding: Hashable, Sendable {
        /// Every client is this tenant's.
        case tenant(String)
        /// Look here; what `and` looks at must name the same tenant.
        case from([TenantIdentity.Kind], and: TenantIdentity.Kind?)
    }

    package var binding: Binding
    /// What follows a tenant's name in DNS names, as `.etcd.example.com`; lower case.
    package var suffix: String
    /// Whether clients have to show a certificate.
    package var asksForCertificates: Bool
    /// Who sees the keys of all tenants. Nobody does on a listener that is bound to a tenant.
    package var administrators: [Administrator]

    package init(
        _ binding: Binding,
        suffix: String = "",
        asksForCertificates: Bool,
        administrators: [Administrator] = []
    ) {
        self.binding = binding
        self.suffix = suffix.lowercased()
        self.asksForCertificates = asksForCertificates
        self.administrators = administrators
    }

    /// Whether a client's server name matters.
    package var looksAtServerName: Bool {
        switch self.binding {
        case .tenant: false
        case .from(let kinds, let and): kinds.contains(.serverName) || and == .serverName
        }
    }

    /// Decides who a client is.
    /// - Complexity: O(facts × administrators), and a lookup for each fact.
    package func resolve<Lookup: TenantLookup>(
        _ facts: ClientFacts,
        in lookup: Lookup
    ) -> Resolution<Lookup.Tenant> {
        do throws(Rejection) {
            if let name = try self.administrator(facts, lookup) {
                return .raw(administrator: name)
            }
            let tenant = try self.tenant(facts, lookup)
            return lookup.isSuspended(tenant) ? .rejected(.suspended) : .tenant(tenant)
        } catch {
            return .rejected(error)
        }
    }

    /// The administrator whose certificate it is, if it is one's.
    ///
    /// A tenant that happens to be called like an administrator must not become one: a certificate
    /// that stands for both is refused. So is one with a URI of Byre's, unless that is an
    /// administrator's and no tenant's.
    private func administrator(
        _ facts: ClientFacts,
        _ lookup: some TenantLookup
    ) throws(Rejection) -> String? {
        guard case .from = self.binding,
            let administrator = self.administrators.first(where: { $0.isNamed(by: facts) })
        else { return nil }
        let hasAnothersURI = facts.values(.uriSAN).contains { uri in
            TenantURI.isOurs(uri)
                && (TenantURI.uid(uri) != nil
                    || !self.administrators.contains {
                        $0.identity == TenantIdentity(.uriSAN, uri)
                    })
        }
        guard self.named(by: TenantIdentity.Kind.ofCertificates, facts, lookup).isEmpty,
            !hasAnothersURI
        else { throw .ambiguous }
        return administrator.name
    }

    private func tenant<Lookup: TenantLookup>(
        _ facts: ClientFacts,
        _ lookup: Lookup
    ) throws(Rejection) -> Lookup.Tenant {
        let byURI = try self.namedByOurURIs(facts, lookup)
        var found: Candidates<Lookup>
        switch self.binding {
        case .tenant(let name):
            found = Candidates(lookup)
            guard let tenant = lookup.tenant(named: name) else { throw .noSuchTenant }
            found.insert(tenant)
        case .from(let kinds, let and):
            found =
                if self.asksForCertificates {
                    try self.proven(kinds, and, facts, lookup)
                } else {
                    try self.asked(facts, lookup)
                }
        }
        guard let tenant = found.first else { throw .unmapped }
        guard found.count == 1 else { throw .ambiguous }
        guard byURI.narrowed(to: found).count == byURI.count else { throw .foreignURI }
        return tenant
    }

    /// The tenants that a certificate stands for, narrowed down by the server name if the rules look
    /// at it.
    private func proven<Lookup: TenantLookup>(
        _ kinds: [TenantIdentity.Kind],
        _ and: TenantIdentity.Kind?,
        _ facts: ClientFacts,
        _ lookup: Lookup
    ) throws(Rejection) -> Candidates<Lookup> {
        var proofs = kinds.filter { $0 != .serverName }
        var second = and
        if proofs.isEmpty, let and, and != .serverName {
            // The name is what is looked at first, but the certificate is what proves.
            proofs = [and]
            second = .serverName
        }
        var found = self.named(by: proofs, facts, lookup)
        guard !found.isEmpty else { throw .unmapped }
        if let second, second != .serverName {
            found = found.narrowed(to: self.named(by: [second], facts, lookup))
        }
        if self.looksAtServerName {
            let asked = self.named(by: [.serverName], facts, lookup)
            if second == .serverName, asked.isEmpty { throw .serverName }
            if !asked.isEmpty { found = found.narrowed(to: asked) }
        }
        guard !found.isEmpty else { throw .disagreement }
        return found
    }

    /// The tenant of the server name, on a listener that does not ask for certificates.
    private func asked<Lookup: TenantLookup>(
        _ facts: ClientFacts,
        _ lookup: Lookup
    ) throws(Rejection) -> Candidates<Lookup> {
        guard self.looksAtServerName else { throw .unmapped }
        let asked = self.named(by: [.serverName], facts, lookup)
        guard !asked.isEmpty else { throw .serverName }
        return asked
    }

    // MARK: Lookups

    /// The tenants that list one of the facts of these kinds; without any, those whose name or uid is
    /// among the facts.
    private func named<Lookup: TenantLookup>(
        by kinds: [TenantIdentity.Kind],
        _ facts: ClientFacts,
        _ lookup: Lookup
    ) -> Candidates<Lookup> {
        var listed = Candidates(lookup)
        var implied = Candidates(lookup)
        for kind in kinds {
            for value in facts.values(kind) {
                listed.insert(lookup.tenant(with: TenantIdentity(kind, value)))
                implied.insert(self.implied(kind, value, lookup))
            }
        }
        return listed.isEmpty ? implied : listed
    }

    /// The tenant whose name or uid a value is.
    private func implied<Lookup: TenantLookup>(
        _ kind: TenantIdentity.Kind,
        _ value: String,
        _ lookup: Lookup
    ) -> Lookup.Tenant? {
        switch kind {
        case .uriSAN: return TenantURI.uid(value).flatMap { lookup.tenant(uid: $0) }
        case .commonName: return lookup.tenant(named: value)
        case .dnsSAN, .serverName:
            guard value.hasSuffix(self.suffix) else { return nil }
            return lookup.tenant(named: String(value.dropLast(self.suffix.count)))
        case .authority: return nil
        }
    }

    /// The tenants of the URIs that Byre gave, which are looked at whatever the rules are.
    /// - Throws: ``Rejection/foreignURI`` if one names no tenant.
    private func namedByOurURIs<Lookup: TenantLookup>(
        _ facts: ClientFacts,
        _ lookup: Lookup
    ) throws(Rejection) -> Candidates<Lookup> {
        var found = Candidates(lookup)
        for uri in facts.values(.uriSAN) where TenantURI.isOurs(uri) {
            let tenant =
                lookup.tenant(with: TenantIdentity(.uriSAN, uri))
                ?? self.implied(.uriSAN, uri, lookup)
            guard let tenant else { throw .foreignURI }
            found.insert(tenant)
        }
        return found
    }
}

extension TenantIdentity.Kind {
    /// Those that are part of a certificate, and so prove something.
    package static let ofCertificates: [Self] = [.uriSAN, .dnsSAN, .commonName, .authority]
}

/// A few tenants, each once.
private struct Candidates<Lookup: TenantLookup> {
    private let lookup: Lookup
    private var tenants: [Lookup.Tenant] = []

    init(_ lookup: Lookup) {
        self.lookup = lookup
    }

    var isEmpty: Bool { self.tenants.isEmpty }
    var count: Int { self.tenants.count }
    var first: Lookup.Tenant? { self.tenants.first }

    mutating func insert(_ tenant: Lookup.Tenant?) {
        guard let tenant, !self.contains(tenant) else { return }
        self.tenants.append(tenant)
    }

    func narrowed(to others: Self) -> Self {
        var narrowed = self
        narrowed.tenants.removeAll { !others.contains($0) }
        return narrowed
    }

    private func contains(_ tenant: Lookup.Tenant) -> Bool {
        self.tenants.contains { self.lookup.id(of: $0) == self.lookup.id(of: tenant) }
    }
}
