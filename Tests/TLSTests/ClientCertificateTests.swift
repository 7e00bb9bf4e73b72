import ByreTestKit
import TLS
import Testing

/// Who gets in, and who they are taken for.
@Suite struct ClientCertificateTests {
    /// One client at a server that wants certificates: refused with `problem`, or let in.
    private static func check(
        _ client: ClientSettings,
        _ problem: String?,
        _ server: ServerSettings = .mutual,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for version in ProtocolVersion.allCases {
            let link = try AgreementTests.link(
                server.with { $0.versions = version...version },
                client
            )
            #expect(
                link.serverError == problem.map { .certificate($0) },
                "\(version.rawValue)",
                sourceLocation: sourceLocation
            )
            #expect(
                link.server.state == (problem == nil ? .open : .failed),
                "\(version.rawValue)",
                sourceLocation: sourceLocation
            )
            // The client learns of it.
            #expect(
                (link.clientError == nil) == (problem == nil),
                "\(version.rawValue)",
                sourceLocation: sourceLocation
            )
        }
    }

    @Test(
        arguments: [
            ("client", nil),
            ("lower", nil),
            ("foreign", "unable to get local issuer certificate"),
            ("expired", "certificate has expired"),
            ("servery", "unsuitable certificate purpose"),
            ("revoked", nil),
        ] as [(String, String?)]
    )
    func certificatesAreVerified(name: String, problem: String?) throws {
        try Self.check(.with(certificate: name), problem)
    }

    @Test func certificateIsRequired() throws {
        try Self.check(.anonymous, "none was sent")
    }

    @Test func certificateMayBeOptional() throws {
        let server = ServerSettings.mutual.with { $0.clientCertificates = .optional }
        try Self.check(.anonymous, nil, server)
        try Self.check(.with(certificate: "client"), nil, server)
        try Self.check(.with(certificate: "expired"), "certificate has expired", server)

        let nobody = try AgreementTests.link(server, .anonymous)
        #expect(nobody.server.peerCertificate == nil)
        let somebody = try AgreementTests.link(server, .with(certificate: "client"))
        #expect(somebody.server.peerCertificate?.commonName == "tenant-a")
    }

    @Test(arguments: ["crl.pem", "crl.der"])
    func revokedCertificatesAreRefused(file: String) throws {
        let server = ServerSettings.mutual.with { $0.revocationFiles = [PKI.shared.path(file)] }
        try Self.check(.with(certificate: "revoked"), "certificate revoked", server)
        try Self.check(.with(certificate: "client"), nil, server)
        // There is no list of the intermediate's own; that locks nobody out.
        try Self.check(.with(certificate: "lower"), nil, server)
    }

    @Test func lateRevocationListStillRevokes() throws {
        let server = ServerSettings.mutual.with {
            $0.revocationFiles = [PKI.shared.path("late.pem")]
        }
        try Self.check(.with(certificate: "revoked"), "certificate revoked", server)
        try Self.check(.with(certificate: "client"), nil, server)
        #expect(
            try Context(server: server).warnings == [
                "revocation list file \(PKI.shared.path("late.pem")): "
                    + "should have been replaced by 2020-01-02 00:00:00Z"
            ]
        )
    }

    @Test(
        arguments: [
            ("revoked", ["crl.pem"], true),
            ("revoked", ["crl.der"], true),
            ("revoked", ["forged.pem", "late.pem"], true),
            // The newest list of an authority holds, whatever an older one says: as in a handshake.
            ("revoked", ["late.pem", "clean.pem"], false),
            ("revoked", ["clean.pem", "late.pem"], false),
            ("revoked", ["forged.pem"], false),
            ("revoked", [], false),
            ("client", ["crl.pem"], false),
            ("lower", ["crl.pem"], false),
        ]
    )
    func listsThatAreNewerThanAConnectionTell(
        name: String,
        lists: [String],
        isRevoked: Bool
    ) throws {
        let link = try AgreementTests.link(.mutual, .with(certificate: name))
        #expect(link.server.state == .open)
        let later = try Context(
            server: .mutual.with { $0.revocationFiles = lists.map(PKI.shared.path) }
        )
        #expect(link.server.isRevoked(by: later) == isRevoked)
    }

    @Test func whoShowedNoCertificateIsNotRevoked() throws {
        let link = try AgreementTests.link(.plain, .anonymous)
        let later = try Context(
            server: .mutual.with { $0.revocationFiles = [PKI.shared.path("crl.pem")] }
        )
        #expect(!link.server.isRevoked(by: later))
    }

    @Test(
        arguments: [
            (["tenant-a"], "client", nil),
            (["tenant-b", "tenant-a"], "client", nil),
            (["tenant-b"], "client", "its name is not allowed"),
            (["middle"], "lower", "its name is not allowed"),
        ] as [([String], String, String?)]
    )
    func commonNamesMayBeLimited(names: [String], client: String, problem: String?) throws {
        try Self.check(
            .with(certificate: client),
            problem,
            .mutual.with { $0.allowedCommonNames = names }
        )
    }

    @Test(
        arguments: [
            (["a.example"], "client", nil),
            (["A.EXAMPLE"], "client", nil),
            (["192.0.2.7"], "client", nil),
            (["2001:db8::1"], "client", nil),
            (["tenant-a"], "client", "its name is not allowed"),
            (["b.example", "lower.example"], "lower", nil),
            (["b.example"], "lower", "its name is not allowed"),
        ] as [([String], String, String?)]
    )
    func hostNamesMayBeLimited(names: [String], client: String, problem: String?) throws {
        try Self.check(
            .with(certificate: client),
            problem,
            .mutual.with { $0.allowedHostnames = names }
        )
    }

    @Test func peerIsDescribed() throws {
        let link = try AgreementTests.link(.mutual, .with(certificate: "client"))
        let peer = try #require(link.server.peerCertificate)
        #expect(peer.subject == "CN=tenant-a,O=system:masters")
        #expect(peer.commonName == "tenant-a")
        #expect(peer.uris == ["spiffe://byre/tenant-a"])
        #expect(peer.dnsNames == ["a.example"])
        #expect(peer.emailAddresses == ["a@example.org"])
        #expect(peer.ipAddresses == ["192.0.2.7", "2001:db8::1"])
        #expect(peer.authorities.map(\.subject) == ["CN=ca,O=Test"])
        #expect(peer.der.prefix(2) == [0x30, 0x82])

        let server = try #require(link.client.peerCertificate)
        #expect(server.commonName == "server")
        #expect(server.authorities == peer.authorities)
    }

    @Test func authoritiesLeadToTheTrustedOne() throws {
        let link = try AgreementTests.link(.mutual, .with(certificate: "lower"))
        let peer = try #require(link.server.peerCertificate)
        #expect(peer.commonName == "lower")
        #expect(peer.authorities.map(\.subject) == ["CN=middle,O=Test", "CN=ca,O=Test"])
        #expect(Set(peer.authorities.map(\.keyDigest)).count == 2)
        #expect(peer.authorities.allSatisfy { $0.keyDigest.count == 32 })
    }

    @Test func trustingAnIntermediateIsEnough() throws {
        let server = ServerSettings.mutual.with {
            $0.trustedCAFiles = [PKI.shared.path("middle.crt")]
        }
        try Self.check(.with(certificate: "lower"), nil, server)
        try Self.check(
            .with(certificate: "client"),
            "unable to get local issuer certificate",
            server
        )
    }

    @Test func authoritiesOfAllFilesAreTrusted() throws {
        // As while one authority takes over from another.
        let one = ServerSettings.mutual
        try Self.check(.with(certificate: "client"), nil, one)
        try Self.check(
            .with(certificate: "foreign"),
            "unable to get local issuer certificate",
            one
        )
        let both = one.with {
            $0.trustedCAFiles = [PKI.shared.path("ca.crt"), PKI.shared.path("other.crt")]
        }
        try Self.check(.with(certificate: "client"), nil, both)
        try Self.check(.with(certificate: "foreign"), nil, both)
    }

    @Test func listsOfAllFilesRevoke() throws {
        let server = ServerSettings.mutual.with {
            $0.revocationFiles = [PKI.shared.path("late.pem"), PKI.shared.path("crl.der")]
        }
        try Self.check(.with(certificate: "revoked"), "certificate revoked", server)
        try Self.check(.with(certificate: "client"), nil, server)
    }

    @Test func moreTrustedCAsThanCanBeNamedStillVerify() throws {
        // A hundred subjects of 700 bytes are more than TLS can carry, so none are told.
        let temporary = try TemporaryDirectory()
        defer { temporary.remove() }
        let directory = temporary.path
        try Shell.run(
            """
            cat '\(PKI.shared.path("ca.crt"))' > bundle.crt
            for i in $(seq 100); do cat '\(PKI.shared.path("wordy.crt"))' >> bundle.crt; done
            """,
            in: directory
        )
        let server = ServerSettings.mutual.with { $0.trustedCAFiles = [directory + "/bundle.crt"] }
        try Self.check(.with(certificate: "client"), nil, server)
        try Self.check(
            .with(certificate: "foreign"),
            "unable to get local issuer certificate",
            server
        )
    }
}
