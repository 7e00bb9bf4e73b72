import ByreCore
import Tenancy
import Testing

@Suite struct IdentityRulesTests {
    /// Four tenants: `globex` lists a foreign common name, a DNS name, a URI, an authority and a
    /// server name; `asleep` is suspended; `gone` is being deleted.
    static let table = TenantTable(rows: [
        .init(id: 1, name: "acme", uid: "uid-acme"),
        .init(
            id: 2,
            name: "globex",
            uid: "uid-globex",
            identities: [
                TenantIdentity(.commonName, "kamaji-7"),
                TenantIdentity(.dnsSAN, "etcd.globex.example"),
                TenantIdentity(.uriSAN, "spiffe://globex/apiserver"),
                TenantIdentity(.authority, "00ff"),
                TenantIdentity(.serverName, "store.globex.example"),
            ]
        ),
        .init(id: 3, name: "asleep", uid: "uid-asleep", lifecycle: .suspended),
        .init(id: 4, name: "gone", uid: "uid-gone", lifecycle: .deleting),
    ])

    static let administrators = [
        Administrator(name: "alice", identity: TenantIdentity(.commonName, "alice")),
        Administrator(name: "robot", identity: TenantIdentity(.uriSAN, "spiffe://ops/robot")),
        Administrator(name: "us", identity: TenantIdentity(.uriSAN, "urn:byre:administrator")),
        Administrator(name: "clash", identity: TenantIdentity(.commonName, "acme")),
    ]

    /// A row: what the client shows, and who it is then.
    struct Row: Sendable {
        let facts: String
        let outcome: String

        init(_ facts: String, _ outcome: String) {
            self.facts = facts
            self.outcome = outcome
        }
    }

    private static func check(_ rules: IdentityRules, _ row: Row, _ location: SourceLocation) {
        let outcome =
            switch rules.resolve(ClientFacts(row.facts), in: self.table) {
            case .tenant(let tenant): tenant.name
            case .raw(let administrator): "raw \(administrator)"
            case .rejected(let rejection): "\(rejection)"
            }
        #expect(outcome == row.outcome, "\(row.facts)", sourceLocation: location)
    }

    @Test(arguments: [
        Row("", "acme"),
        Row("cn=globex", "acme"),
        Row("cn=alice", "acme"),
        Row("name=globex", "acme"),
        Row("uri=urn:byre:tenant:uid-acme", "acme"),
        // A certificate that Byre made for another tenant does not open this one.
        Row("cn=acme uri=urn:byre:tenant:uid-globex", "foreignURI"),
        Row("cn=acme uri=urn:byre:tenant:nobody", "foreignURI"),
    ])
    func boundListenerIsOneTenants(_ row: Row) {
        let rules = IdentityRules(
            .tenant("acme"),
            asksForCertificates: true,
            administrators: Self.administrators
        )
        Self.check(rules, row, #_sourceLocation)
    }

    @Test(arguments: [
        ("asleep", "suspended"), ("gone", "noSuchTenant"), ("nobody", "noSuchTenant"),
    ])
    func boundListenerOfNoActiveTenantLetsNobodyIn(_ name: String, _ outcome: String) {
        let rules = IdentityRules(.tenant(name), asksForCertificates: false)
        Self.check(rules, Row("", outcome), #_sourceLocation)
    }

    @Test(arguments: [
        // By name and uid.
        Row("cn=acme", "acme"),
        Row("dns=acme", "acme"),
        Row("dns=ACME", "acme"),
        Row("uri=urn:byre:tenant:uid-acme", "acme"),
        Row("uri=URN:Byre:tenant:UID-ACME", "acme"),
        Row("cn=acme uri=urn:byre:tenant:uid-acme", "acme"),
        Row("cn=ACME", "unmapped"),
        // By what a tenant lists.
        Row("cn=kamaji-7", "globex"),
        Row("dns=etcd.globex.example", "globex"),
        Row("uri=spiffe://globex/apiserver", "globex"),
        Row("cn=whoever ca=00ff", "globex"),
        Row("ca=1122 ca=00ff", "globex"),
        // What is listed wins over a name.
        Row("cn=acme dns=etcd.globex.example", "globex"),
        Row("cn=acme ca=00ff", "globex"),
        // Two tenants are none.
        Row("dns=acme dns=globex", "ambiguous"),
        Row("cn=acme dns=globex", "ambiguous"),
        // Byre's URIs must name the same.
        Row("cn=globex uri=urn:byre:tenant:uid-acme", "ambiguous"),
        Row("cn=kamaji-7 uri=urn:byre:tenant:uid-acme", "foreignURI"),
        Row("cn=acme uri=urn:byre:tenant:nobody", "foreignURI"),
        Row("cn=acme uri=urn:byre:tenant:uid-gone", "foreignURI"),
        Row("cn=acme uri=urn:byre:tenant:", "foreignURI"),
        Row("cn=acme uri=urn:byre:other", "foreignURI"),
        Row("uri=urn:byre:tenant:uid-acme uri=urn:byre:tenant:uid-globex", "ambiguous"),
        // Nobody.
        Row("cert", "unmapped"),
        Row("", "unmapped"),
        Row("cn=nobody", "unmapped"),
        Row("cn=gone", "unmapped"),
        Row("uri=spiffe://nobody", "unmapped"),
        Row("dns=acme.etcd.example.com", "unmapped"),
        // The server name does not count here.
        Row("name=acme", "unmapped"),
        Row("cn=acme name=globex", "acme"),
        // Not now.
        Row("cn=asleep", "suspended"),
        // Administrators, unless they may be tenants too.
        Row("cn=alice", "raw alice"),
        Row("cn=alice uri=spiffe://ops/robot", "raw alice"),
        Row("uri=spiffe://ops/robot", "raw robot"),
        Row("cn=alice dns=acme", "ambiguous"),
        Row("cn=alice ca=00ff", "ambiguous"),
        Row("cn=alice uri=urn:byre:tenant:nobody", "ambiguous"),
        // A URI of Byre's may be an administrator's, beside none of a tenant.
        Row("uri=urn:byre:administrator", "raw us"),
        Row("cn=alice uri=urn:byre:administrator", "raw alice"),
        Row("cn=alice uri=urn:byre:other", "ambiguous"),
        Row("cn=acme uri=urn:byre:administrator", "ambiguous"),
        Row("uri=urn:byre:administrator uri=urn:byre:tenant:nobody", "ambiguous"),
        Row("uri=urn:byre:administrator uri=urn:byre:tenant:uid-acme", "ambiguous"),
    ])
    func certificateStandsForOneTenant(_ row: Row) {
        let rules = IdentityRules(
            .from([.uriSAN, .dnsSAN, .commonName, .authority], and: nil),
            asksForCertificates: true,
            administrators: Array(Self.administrators.prefix(3))
        )
        Self.check(rules, row, #_sourceLocation)
    }

    @Test func tenantCalledLikeAnAdministratorIsNeither() {
        let rules = IdentityRules(
            .from([.uriSAN], and: nil),
            asksForCertificates: true,
            administrators: Self.administrators
        )
        Self.check(rules, Row("cn=acme", "ambiguous"), #_sourceLocation)
    }

    @Test(arguments: [
        Row("cn=acme", "unmapped"),
        Row("dns=acme", "unmapped"),
        Row("uri=urn:byre:tenant:uid-acme", "acme"),
        Row("cn=globex uri=urn:byre:tenant:uid-acme", "acme"),
        Row("ca=00ff", "unmapped"),
        Row("ca=00ff uri=urn:byre:tenant:uid-acme", "acme"),
    ])
    func onlyWhatTheRulesNameIsLookedAt(_ row: Row) {
        let rules = IdentityRules(.from([.uriSAN], and: nil), asksForCertificates: true)
        Self.check(rules, row, #_sourceLocation)
    }

    @Test(arguments: [
        Row("dns=acme.etcd.example.com", "acme"),
        Row("dns=Acme.ETCD.example.com", "acme"),
        Row("dns=acme", "unmapped"),
        Row("dns=.etcd.example.com", "unmapped"),
        Row("dns=*.etcd.example.com", "unmapped"),
        Row("dns=x.acme.etcd.example.com", "unmapped"),
        Row("dns=acme.etcd.example.com.evil", "unmapped"),
        Row("dns=acmeetcd.example.com", "unmapped"),
        Row("dns=etcd.globex.example", "globex"),
        // The suffix is of host names only.
        Row("cn=acme.etcd.example.com", "unmapped"),
        Row("cn=acme", "acme"),
    ])
    func suffixIsTakenOffHostNames(_ row: Row) {
        let rules = IdentityRules(
            .from([.dnsSAN, .commonName], and: nil),
            suffix: ".etcd.example.com",
            asksForCertificates: true
        )
        Self.check(rules, row, #_sourceLocation)
    }

    @Test(arguments: [
        Row("cn=acme name=acme.etcd.example.com", "acme"),
        Row("cn=acme name=ACME.etcd.example.com", "acme"),
        Row("cn=kamaji-7 name=globex.etcd.example.com", "globex"),
        Row("cn=kamaji-7 name=store.globex.example", "globex"),
        Row("cn=acme name=globex.etcd.example.com", "disagreement"),
        Row("cn=acme name=localhost", "serverName"),
        Row("cn=acme", "serverName"),
        Row("name=acme.etcd.example.com", "unmapped"),
        Row("cert name=acme.etcd.example.com", "unmapped"),
        Row("dns=acme.etcd.example.com name=acme.etcd.example.com", "unmapped"),
        Row("cn=nobody name=acme.etcd.example.com", "unmapped"),
        Row("cn=asleep name=asleep.etcd.example.com", "suspended"),
        Row("cn=alice", "raw alice"),
    ])
    func serverNameAndCommonNameMustAgree(_ row: Row) {
        for (from, and) in [
            ([TenantIdentity.Kind.serverName], TenantIdentity.Kind.commonName),
            ([.commonName], .serverName),
        ] {
            let rules = IdentityRules(
                .from(from, and: and),
                suffix: ".etcd.example.com",
                asksForCertificates: true,
                administrators: Array(Self.administrators.prefix(3))
            )
            Self.check(rules, row, #_sourceLocation)
        }
    }

    @Test(arguments: [
        // Of the two that the certificate stands for, the one that was asked for.
        Row("dns=acme dns=globex name=acme", "acme"),
        Row("dns=acme dns=globex name=globex", "globex"),
        Row("dns=acme dns=globex name=asleep", "disagreement"),
        Row("dns=acme dns=globex name=localhost", "ambiguous"),
        Row("dns=acme name=globex", "disagreement"),
        Row("dns=acme name=localhost", "acme"),
        Row("dns=acme", "acme"),
        Row("name=acme", "unmapped"),
        Row("cert name=acme", "unmapped"),
    ])
    func serverNameOnlyNarrows(_ row: Row) {
        let rules = IdentityRules(
            .from([.serverName, .dnsSAN], and: nil),
            asksForCertificates: true
        )
        Self.check(rules, row, #_sourceLocation)
    }

    @Test(arguments: [
        Row("name=acme", "acme"),
        Row("name=Acme", "acme"),
        Row("name=store.globex.example", "globex"),
        Row("name=nobody", "serverName"),
        Row("name=gone", "serverName"),
        Row("name=asleep", "suspended"),
        Row("", "serverName"),
    ])
    func serverNameSelectsWhereNoCertificateIsAskedFor(_ row: Row) {
        let rules = IdentityRules(.from([.serverName], and: nil), asksForCertificates: false)
        Self.check(rules, row, #_sourceLocation)
    }

    @Test func serverNameAloneNeverAuthorisesWhereCertificatesAreAskedFor() {
        let rules = IdentityRules(.from([.serverName], and: nil), asksForCertificates: true)
        Self.check(rules, Row("cert name=acme", "unmapped"), #_sourceLocation)
        #expect(throws: IdentityRulesError.serverNameAlone) { try rules.check() }
    }

    @Test func whatIsSaidOfAnUnverifiedCertificateDoesNotCount() {
        var facts = ClientFacts("cn=acme dns=acme uri=urn:byre:tenant:uid-acme ca=00ff")
        facts.hasCertificate = false
        let rules = IdentityRules(
            .from(TenantIdentity.Kind.ofCertificates, and: nil),
            asksForCertificates: true,
            administrators: Self.administrators
        )
        #expect(rules.resolve(facts, in: Self.table) == .rejected(.unmapped))
    }

    @Test func rejectionsNameNoTenant() {
        for rejection in Rejection.allCases {
            #expect(rejection.message.hasPrefix("byre: "))
            for row in Self.table.rows {
                #expect(!rejection.message.contains(row.name), "\(rejection)")
            }
        }
    }
}
