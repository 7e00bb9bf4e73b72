import ByreCore
import Tenancy
import Testing

@Suite struct IdentityRulesCheckTests {
    struct Row: Sendable {
        let binding: IdentityRules.Binding
        let suffix: String
        let asks: Bool
        let error: IdentityRulesError?

        init(
            _ binding: IdentityRules.Binding,
            suffix: String = "",
            asks: Bool,
            _ error: IdentityRulesError?
        ) {
            self.binding = binding
            self.suffix = suffix
            self.asks = asks
            self.error = error
        }
    }

    @Test(arguments: [
        Row(.tenant("acme"), asks: false, nil),
        Row(.tenant("acme"), asks: true, nil),
        Row(.tenant("Acme"), asks: false, .malformedName),
        Row(.tenant(""), asks: false, .malformedName),
        Row(.tenant("acme"), suffix: ".x", asks: false, .uselessSuffix),
        Row(.from([], and: nil), asks: true, .empty),
        Row(.from([], and: .commonName), asks: true, .empty),
        Row(.from([.uriSAN, .dnsSAN, .commonName, .authority], and: nil), asks: true, nil),
        Row(.from([.commonName, .commonName], and: nil), asks: true, .repeated(.commonName)),
        Row(.from([.commonName], and: .commonName), asks: true, .repeated(.commonName)),
        Row(.from([.commonName], and: nil), asks: false, .needsCertificates(.commonName)),
        Row(.from([.serverName], and: .dnsSAN), asks: false, .needsCertificates(.dnsSAN)),
        Row(.from([.serverName], and: nil), asks: false, nil),
        Row(.from([.serverName], and: nil), asks: true, .serverNameAlone),
        Row(.from([.serverName], and: .commonName), asks: true, nil),
        Row(.from([.serverName, .uriSAN], and: nil), asks: true, nil),
        Row(.from([.serverName], and: nil), suffix: ".etcd.example.com", asks: false, nil),
        Row(.from([.dnsSAN], and: nil), suffix: ".x", asks: true, nil),
        Row(.from([.commonName], and: nil), suffix: ".x", asks: true, .uselessSuffix),
        Row(.from([.dnsSAN], and: nil), suffix: "x", asks: true, .malformedSuffix),
        Row(.from([.dnsSAN], and: nil), suffix: ".x.", asks: true, .malformedSuffix),
        Row(.from([.dnsSAN], and: nil), suffix: ".", asks: true, .malformedSuffix),
        Row(.from([.dnsSAN], and: nil), suffix: ".*.x", asks: true, .malformedSuffix),
    ])
    func rulesThatCannotWorkAreRefused(_ row: Row) {
        let rules = IdentityRules(row.binding, suffix: row.suffix, asksForCertificates: row.asks)
        var thrown: IdentityRulesError?
        do throws(IdentityRulesError) {
            try rules.check()
        } catch {
            thrown = error
        }
        #expect(thrown == row.error)
    }
}
