import ByreCore
import ByreTestKit
import Tenancy
import Testing

/// Whatever the tenants, the rules and the client: it is let in as a tenant only if it names that
/// tenant itself, and as one tenant only.
@Suite struct IdentityRulesPropertyTests {
    private static let suffixes = ["", ".x", ".y.x"]
    private static let words = ["a", "b", "c", "a.x", "b.x", "a.y.x", "z", "A", "B.X"]
    private static let uris = [
        "urn:byre:tenant:u1", "urn:byre:tenant:u2", "URN:BYRE:tenant:U3", "urn:byre:tenant:u9",
        "urn:byre:", "a", "b",
    ]

    private static func some<T>(_ of: [T], _ random: inout some RandomNumberGenerator) -> [T] {
        of.filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
    }

    private static func table(_ random: inout some RandomNumberGenerator) -> TenantTable {
        var taken: Set<TenantIdentity> = []
        return TenantTable(
            rows: ["a", "b", "c"].enumerated().map { index, name in
                var row = TenantTable.Row(id: Int64(index), name: name, uid: "u\(index + 1)")
                let lifecycles = TenantDefinition.Lifecycle.allCases + [.active, .active]
                row.lifecycle = lifecycles.randomElement(using: &random) ?? .active
                for kind in TenantIdentity.Kind.allCases {
                    for value in self.some(kind == .uriSAN ? self.uris : self.words, &random) {
                        // What the registry guarantees: an identity is one tenant's.
                        let identity = TenantIdentity(kind, value)
                        if taken.insert(identity).inserted { row.identities.insert(identity) }
                    }
                }
                if Bool.random(using: &random) { row.identities = [] }
                return row
            }
        )
    }

    private static func facts(_ random: inout some RandomNumberGenerator) -> ClientFacts {
        var facts = ClientFacts()
        facts.hasCertificate = Int.random(in: 0..<8, using: &random) > 0
        facts.uris = self.some(self.uris, &random)
        facts.dnsNames = self.some(self.words, &random)
        facts.commonName = self.words.randomElement(using: &random)
        facts.authorities = self.some(self.words, &random)
        if Bool.random(using: &random) {
            facts.serverName = self.words.randomElement(using: &random)
        }
        return facts
    }

    private static func rules(_ random: inout some RandomNumberGenerator) -> IdentityRules {
        let kinds = TenantIdentity.Kind.allCases
        let from = self.some(kinds, &random).shuffled(using: &random)
        let and = Bool.random(using: &random) ? kinds.randomElement(using: &random) : nil
        let isBound = Int.random(in: 0..<8, using: &random) == 0
        return IdentityRules(
            isBound ? .tenant("a") : .from(from, and: and),
            suffix: self.suffixes.randomElement(using: &random) ?? "",
            asksForCertificates: Bool.random(using: &random),
            administrators: Bool.random(using: &random)
                ? [Administrator(name: "root", identity: TenantIdentity(.commonName, "z"))] : []
        )
    }

    /// The facts of a kind that are a tenant's, said in the plainest way.
    private static func names(
        _ row: TenantTable.Row,
        _ kind: TenantIdentity.Kind,
        _ facts: ClientFacts,
        _ suffix: String
    ) -> Bool {
        func isListed(_ value: String) -> Bool {
            row.identities.contains(TenantIdentity(kind, value))
        }
        guard facts.hasCertificate || kind == .serverName else { return false }
        switch kind {
        case .uriSAN:
            return facts.uris.contains {
                isListed($0) || $0.lowercased() == "urn:byre:tenant:\(row.uid)"
            }
        case .dnsSAN:
            return facts.dnsNames.map { $0.lowercased() }
                .contains { isListed($0) || $0 == row.name + suffix }
        case .commonName: return facts.commonName.map { isListed($0) || $0 == row.name } ?? false
        case .authority: return facts.authorities.contains(where: isListed)
        case .serverName:
            return facts.serverName.map {
                isListed($0.lowercased()) || $0.lowercased() == row.name + suffix
            } ?? false
        }
    }

    @Test(arguments: 0..<16)
    func nobodyBecomesATenantThatHeDoesNotName(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var resolved = 0
        for _ in 0..<2_000 {
            let table = Self.table(&random)
            let facts = Self.facts(&random)
            let rules = Self.rules(&random)
            switch rules.resolve(facts, in: table) {
            case .rejected: continue
            case .raw:
                #expect(facts.hasCertificate && facts.commonName == "z")
                for row in table.rows where row.lifecycle != .deleting {
                    for kind in TenantIdentity.Kind.ofCertificates {
                        #expect(!Self.names(row, kind, facts, rules.suffix))
                    }
                }
            case .tenant(let row):
                resolved += 1
                #expect(row.lifecycle == .active)
                Self.check(row, rules, facts)
            }
        }
        // The test says nothing if nobody is ever let in.
        #expect(resolved > 50)
    }

    private static func check(
        _ row: TenantTable.Row,
        _ rules: IdentityRules,
        _ facts: ClientFacts
    ) {
        func isNamed(_ kind: TenantIdentity.Kind) -> Bool {
            self.names(row, kind, facts, rules.suffix)
        }
        switch rules.binding {
        case .tenant(let name): #expect(row.name == name)
        case .from(let kinds, let and):
            let all = kinds + (and.map { [$0] } ?? [])
            if rules.asksForCertificates {
                #expect(all.contains { $0 != .serverName && isNamed($0) }, "\(rules) \(facts)")
                if let and { #expect(isNamed(and), "\(rules) \(facts)") }
            } else {
                #expect(isNamed(.serverName), "\(rules) \(facts)")
            }
        }
        for uri in facts.uris
        where facts.hasCertificate && uri.lowercased().hasPrefix("urn:byre:") {
            #expect(
                uri.lowercased() == "urn:byre:tenant:\(row.uid)"
                    || row.identities.contains(TenantIdentity(.uriSAN, uri)),
                "\(rules) \(facts)"
            )
        }
    }
}
