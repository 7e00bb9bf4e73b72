import ByreCore
import Tenancy
import Testing

/// Tenants that would shut administrators out.
@Suite struct AdministratorsTests {
    private static let key = String(repeating: "0f", count: 32)

    private static let administrators = [
        Administrator(name: "alice", identity: TenantIdentity(.commonName, "alice")),
        Administrator(name: "robot", identity: TenantIdentity(.uriSAN, "spiffe://ops/robot")),
        Administrator(name: "host", identity: TenantIdentity(.dnsSAN, "ops.etcd.example")),
        Administrator(name: "unit", identity: TenantIdentity(.authority, key)),
        // What no certificate can prove lets nobody in, whatever tenants there are.
        Administrator(name: "asked", identity: TenantIdentity(.serverName, "bob")),
    ]

    private static func rules(_ binding: IdentityRules.Binding) -> IdentityRules {
        IdentityRules(
            binding,
            suffix: ".etcd.example",
            asksForCertificates: true,
            administrators: self.administrators
        )
    }

    private static func definition(
        _ name: String,
        _ identities: Set<TenantIdentity>
    ) -> TenantDefinition {
        var definition = TenantDefinition(
            name: name,
            uid: "11111111-1111-4111-8111-111111111111",
            prefix: TenantDefinition.defaultPrefix(of: name),
            createdAt: 0
        )
        definition.identities = identities
        return definition
    }

    @Test(
        arguments: [
            ("acme", [], []),
            ("alice", [], ["alice"]),
            ("robot", [], []),
            ("bob", [], []),
            ("ops", [], ["host"]),
            ("acme", [TenantIdentity(.commonName, "alice")], ["alice"]),
            ("acme", [TenantIdentity(.uriSAN, "spiffe://ops/robot")], ["robot"]),
            ("acme", [TenantIdentity(.dnsSAN, "alice")], []),
            ("acme", [TenantIdentity(.serverName, "bob")], []),
            ("alice", [TenantIdentity(.authority, key)], ["alice", "unit"]),
        ] as [(String, Set<TenantIdentity>, [String])]
    )
    func aTenantShutsOutWhoseCertificateWouldBeItsToo(
        name: String,
        identities: Set<TenantIdentity>,
        administrators: [String]
    ) {
        let rules = Self.rules(.from([.uriSAN], and: nil))
        let shutOut = rules.administrators(shutOutBy: Self.definition(name, identities))
        #expect(shutOut.map(\.name) == administrators)
    }

    @Test func whereNoAdministratorIsLetInNoneIsShutOut() {
        let rules = Self.rules(.tenant("alice"))
        #expect(rules.administrators(shutOutBy: Self.definition("alice", [])).isEmpty)
    }
}
