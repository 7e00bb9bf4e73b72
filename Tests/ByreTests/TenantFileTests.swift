import ByreCore
import Controller
import TLS
import Testing
import byre

/// Files of declared tenants: what they say, and what is said of their mistakes.
@Suite
struct TenantFileTests {
    private func tenants(
        _ yaml: String,
        _ defaults: TenantFile.Defaults = .init()
    ) throws -> [DesiredTenant] {
        try TenantFile(yaml: yaml, path: "t.yaml", defaults: defaults).tenants
    }

    @Test
    func everyKeySaysWhatItSays() throws {
        var defaults = TenantFile.Defaults()
        defaults.hasCredentials = true
        defaults.endpoints = ["https://a:1"]
        let found = try self.tenants(
            """
            tenants:
              - name: acme
                uid: 11111111-1111-4111-8111-111111111111
                prefix: /a/
                isolation: dedicated
                adopt: true
                suspended: false
                limits: {bytes: 1Ki, spaceMode: strict, keys: 2, readBytesPerSecond: 1M}
                identities: [{commonName: A}, {dnsSAN: A.Example}]
                autoCompaction: {mode: revision, retention: 7}
                sqlReader: {role: reads}
                deletionPolicy: Delete
                deletionGrace: 1h
                endpoint: [https://b:2, https://c:3]
                certificate: {lifetime: 1h, key: rsa}
              - name: plain
              - {name: bare, certificate: none}
            defaults: {deletionGrace: 2h, certificate: {lifetime: 3h}}
            """,
            defaults
        )
        let acme = found[0]
        #expect(acme.uid == "11111111-1111-4111-8111-111111111111")
        #expect(acme.prefix == Bytes("/a/".utf8))
        #expect(acme.isolation == .dedicated)
        #expect(acme.adopts)
        #expect(acme.isSuspended == false)
        #expect(acme.limits.bytes == 1_024)
        #expect(acme.limits.spaceMode == .strict)
        #expect(acme.limits.keys == 2)
        #expect(acme.limits.readBytesPerSecond == 1_000_000)
        #expect(
            acme.identities
                == [TenantIdentity(.commonName, "A"), TenantIdentity(.dnsSAN, "a.example")]
        )
        #expect(acme.autoCompaction == .revision(retention: 7))
        #expect(acme.sqlReader?.role == "reads")
        #expect(acme.deletionPolicy == .delete)
        #expect(acme.deletionGraceSeconds == 3_600)
        #expect(acme.credentials?.endpoints == ["https://b:2", "https://c:3"])
        #expect(acme.credentials?.lifetimeSeconds == 3_600)
        #expect(acme.credentials?.key == .rsa)
        let plain = found[1]
        #expect(plain.isSuspended == nil)
        #expect(plain.deletionPolicy == .retain)
        #expect(plain.deletionGraceSeconds == 7_200)
        #expect(plain.credentials?.endpoints == ["https://a:1"])
        #expect(plain.credentials?.lifetimeSeconds == 10_800)
        #expect(found[2].credentials == nil)
        // Where a declaration stands may change; what it is recorded as may not.
        #expect(acme.place == "t.yaml:2:5")
        #expect(acme.source == "acme")
    }

    @Test(arguments: [
        ("name: A", "[0].name: \"A\" is not a DNS label"),
        ("name: a, adopt: 7", "[0].adopt: \"7\" is neither true nor false"),
        ("name: a, isolation: alone", "[0].isolation: \"alone\" is neither"),
        ("name: a, limits: {keys: 0}", "[0].limits.keys: 0 is not at least 1"),
        ("name: a, limits: {key: 1}", "[0].limits: unknown key \"key\""),
        ("name: a, identities: [{}]", "[0].identities[0]: one identity is wanted"),
        ("name: a, identities: [{uriSAN: \"urn:byre:x\"}]", "[0]: URIs of urn:byre:"),
        ("name: a, autoCompaction: {}", "[0].autoCompaction: \"retention\" is missing"),
        ("name: a, autoCompaction: {retention: x}", "[0].autoCompaction.retention: \"x\""),
        ("name: a, sqlReader: {}", "[0].sqlReader: \"role\" is missing"),
        ("name: a, sqlReader: {role: pg_x}", "[0].sqlReader.role: \"pg_x\" is not a name"),
        ("name: a, deletionPolicy: delete", "[0].deletionPolicy: \"delete\" is neither"),
        ("name: a, deletionGrace: 1ms", "[0].deletionGrace: 1ms is not whole seconds"),
        ("name: a, deletionGrace: -1s", "[0].deletionGrace: \"-1s\" is negative"),
        ("name: a, endpoint: byre", "[0].endpoint: \"byre\" is not a URL"),
        ("name: a, certificate: yes", "[0].certificate: a mapping or the word none"),
        ("name: a, certificate: {lifetime: 1s}", "[0].certificate.lifetime: 1s is not"),
        ("name: a, certificate: {key: dsa}", "[0].certificate.key: \"dsa\" is neither"),
        ("name: a, uid: x", "[0]: a tenant's uid is a UUID"),
        ("adopt: true", "[0]: \"name\" is missing"),
    ])
    func aMistakeIsToldWithFileLineAndField(text: String, expected: String) {
        let error = #expect(throws: ConfigError.self) {
            try self.tenants("tenants:\n  - {\(text)}\n")
        }
        let message = error?.message ?? ""
        #expect(message.hasPrefix("t.yaml:2:"))
        #expect(message.contains(": tenants\(expected)"), "\(message)")
    }
}
