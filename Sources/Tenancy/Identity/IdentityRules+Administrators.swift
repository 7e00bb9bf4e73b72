package import ByreCore

extension IdentityRules {
    /// The administrators who are let in as long as there is no tenant of this definition, and are not
    /// when there is: their certificates would stand for both.
    ///
    /// Only what the configuration says of their certificates is known here.
    package func administrators(
        shutOutBy definition: TenantDefinition
    ) -> [Administrator] {
        self.administrators.filter { administrator in
            let facts = ClientFacts(administrator.identity)
            return self.letsIn(facts, beside: nil) && !self.letsIn(facts, beside: definition)
        }
    }

    private func letsIn(_ facts: ClientFacts, beside definition: TenantDefinition?) -> Bool {
        switch self.resolve(facts, in: LoneTenant(definition: definition)) {
        case .raw: true
        case .tenant, .rejected: false
        }
    }
}

extension ClientFacts {
    /// A certificate that carries nothing else.
    fileprivate init(_ identity: TenantIdentity) {
        self.init()
        self.hasCertificate = true
        switch identity.kind {
        case .uriSAN: self.uris = [identity.value]
        case .dnsSAN: self.dnsNames = [identity.value]
        case .commonName: self.commonName = identity.value
        case .authority: self.authorities = [identity.value]
        case .serverName: self.serverName = identity.value
        }
    }
}

/// One tenant, or none.
private struct LoneTenant: TenantLookup {
    let definition: TenantDefinition?

    func tenant(named name: String) -> TenantDefinition? {
        self.definition.flatMap { $0.name == name ? $0 : nil }
    }

    func tenant(uid: String) -> TenantDefinition? {
        self.definition.flatMap { $0.uid == uid ? $0 : nil }
    }

    func tenant(with identity: TenantIdentity) -> TenantDefinition? {
        self.definition.flatMap { $0.identities.contains(identity) ? $0 : nil }
    }

    func id(of tenant: TenantDefinition) -> TenantID { TenantID(rawValue: 1) }

    func isSuspended(_ tenant: TenantDefinition) -> Bool { tenant.lifecycle == .suspended }
}
