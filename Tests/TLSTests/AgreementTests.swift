import ByreTestKit
import TLS
import Testing

/// What client and server agree on: protocol, name, version, suite.
@Suite struct AgreementTests {
    /// A handshake between the two, carried to its end.
    static func link(
        _ server: ServerSettings,
        _ client: ClientSettings,
        serverName: String? = "localhost"
    ) throws -> Link {
        let link = try Link(
            server: Context(server: server),
            client: Context(client: client),
            serverName: serverName
        )
        link.carry()
        return link
    }

    @Test(
        arguments: [
            (["h2", "http/1.1"], "h2"),
            (["http/1.1", "h2"], "h2"),
            (["http/1.1"], "http/1.1"),
            (["http/1.0", "spdy/3", "http/1.1"], "http/1.1"),
            ([], nil),
        ] as [([String], String?)]
    )
    func serverChoosesTheProtocol(offered: [String], chosen: String?) throws {
        let link = try Self.link(.plain, .anonymous.with { $0.protocols = offered })
        #expect(link.server.state == .open)
        #expect(link.server.applicationProtocol == chosen)
        #expect(link.client.applicationProtocol == chosen)
    }

    @Test(arguments: [["http/1.0"], ["h2c"], ["h", "http/1.1.1"]])
    func noCommonProtocolEndsTheHandshake(offered: [String]) throws {
        let link = try Self.link(.plain, .anonymous.with { $0.protocols = offered })
        #expect(link.serverError == .handshake("no application protocol"))
        #expect(link.clientError == .handshake("tlsv1 alert no application protocol"))
    }

    @Test(
        arguments: [
            ("localhost", "localhost"), ("byre.example", "byre.example"), ("127.0.0.1", nil),
            ("::1", nil), (nil, nil),
        ] as [(String?, String?)]
    )
    func serverNameIsReadable(wanted: String?, sent: String?) throws {
        let link = try Self.link(.plain, .anonymous, serverName: wanted)
        #expect(link.server.state == .open)
        #expect(link.server.serverName == sent)
    }

    @Test(arguments: [
        ("other.example", "hostname mismatch"), ("192.0.2.1", "IP address mismatch"),
    ])
    func clientRefusesAServerOfAnotherName(wanted: String, problem: String) throws {
        let link = try Self.link(.plain, .anonymous, serverName: wanted)
        #expect(link.clientError == .certificate(problem))
        #expect(link.server.state == .failed)
    }

    @Test func clientMayTrustBlindly() throws {
        let link = try Self.link(
            .plain,
            ClientSettings(trustedCAFile: PKI.shared.path("other.crt")).with {
                $0.verifiesServer = false
            },
            serverName: "other.example"
        )
        #expect(link.client.state == .open)
        #expect(link.client.peerCertificate == nil)
    }

    @Test(
        arguments: [
            (.tls12 ... .tls12, .tls12 ... .tls13, .tls12),
            (.tls12 ... .tls13, .tls12 ... .tls12, .tls12),
            (.tls12 ... .tls13, .tls12 ... .tls13, .tls13),
            (.tls13 ... .tls13, .tls12 ... .tls13, .tls13),
            (.tls13 ... .tls13, .tls12 ... .tls12, nil),
            (.tls12 ... .tls12, .tls13 ... .tls13, nil),
        ] as [(ClosedRange<ProtocolVersion>, ClosedRange<ProtocolVersion>, ProtocolVersion?)]
    )
    func versionsOutsideTheRangeAreRefused(
        server: ClosedRange<ProtocolVersion>,
        client: ClosedRange<ProtocolVersion>,
        agreed: ProtocolVersion?
    ) throws {
        let link = try Self.link(
            .plain.with { $0.versions = server },
            .anonymous.with { $0.versions = client }
        )
        if let agreed {
            #expect(link.server.version == agreed)
        } else {
            #expect(link.serverError == .handshake("unsupported protocol"))
        }
    }

    @Test(arguments: [
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "server"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "server"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "server"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "server"),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "rsa"),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "rsa"),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "rsa"),
        ("TLS_RSA_WITH_AES_256_CBC_SHA", "rsa"),
        ("TLS_AES_256_GCM_SHA384", "server"),
    ])
    func cipherSuiteIsTheOneConfigured(name: String, certificate: String) throws {
        let suite = try CipherSuite(name: name)
        let link = try Self.link(
            .plain.with {
                $0.certificateFile = PKI.shared.path("\(certificate).crt")
                $0.keyFile = PKI.shared.path("\(certificate).key")
                $0.cipherSuites = [suite]
                $0.versions = .tls12...suite.version
            },
            .anonymous.with { $0.cipherSuites = CipherSuite.all }
        )
        #expect(link.server.state == .open)
        #expect(link.server.cipherSuite == name)
    }

    @Test func serversOrderOfSuitesDecides() throws {
        let wanted = try ["256_GCM_SHA384", "128_GCM_SHA256"].map {
            try CipherSuite(name: "TLS_ECDHE_ECDSA_WITH_AES_\($0)")
        }
        let link = try Self.link(
            .plain.with { ($0.cipherSuites, $0.versions) = (wanted, .tls12 ... .tls12) },
            .anonymous.with { $0.cipherSuites = wanted.reversed() }
        )
        #expect(link.server.cipherSuite == wanted[0].name)
    }

    @Test(
        arguments: [
            (.tls12, false, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
            (.tls13, false, "TLS_AES_128_GCM_SHA256"),
            // Who puts ChaCha20 first has no AES in hardware.
            (.tls12, true, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
            (.tls13, true, "TLS_CHACHA20_POLY1305_SHA256"),
        ] as [(ProtocolVersion, Bool, String)]
    )
    func cheapestGoodSuiteComesFirst(
        version: ProtocolVersion,
        clientPrefersChaCha: Bool,
        name: String
    ) throws {
        let suites = CipherSuite.all.reversed()
        let chaCha = suites.filter { $0.name.contains("CHACHA20") }
        let others = suites.filter { !$0.name.contains("CHACHA20") }
        let link = try Self.link(
            .plain.with { $0.versions = version...version },
            .anonymous.with {
                $0.cipherSuites = clientPrefersChaCha ? chaCha + others : others + chaCha
            }
        )
        #expect(link.server.cipherSuite == name)
    }

    @Test func everySuiteThatCanBeAskedForIsAccepted() throws {
        for suite in CipherSuite.all {
            #expect(throws: Never.self, "\(suite.name)") {
                try Context(server: .plain.with { $0.cipherSuites = [suite] })
            }
        }
    }

    @Test func withoutACommonSuiteTheHandshakeEnds() throws {
        let link = try Self.link(
            .plain.with { $0.versions = .tls12 ... .tls12 },
            .anonymous.with {
                $0.cipherSuites = [try? CipherSuite(name: "TLS_RSA_WITH_AES_128_CBC_SHA")]
                    .compactMap(\.self)
            }
        )
        #expect(link.serverError == .handshake("no shared cipher"))
    }

    @Test(
        arguments: [
            ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", nil),
            (
                "TLS_RSA_WITH_RC4_128_SHA",
                "cipher suite TLS_RSA_WITH_RC4_128_SHA is not offered: it is broken"
            ),
            ("AES128-SHA", "cipher suite \"AES128-SHA\" is unknown"),
            ("", "cipher suite \"\" is unknown"),
        ] as [(String, String?)]
    )
    func suitesAreKnownByGosNames(name: String, problem: String?) {
        check(problem) { () throws(TLSError) in _ = try CipherSuite(name: name) }
    }

    @Test(
        arguments: [
            ("TLS1.2", nil), ("TLS1.3", nil),
            ("TLS1.1", "TLS version \"TLS1.1\" is unknown: it is TLS1.2 or TLS1.3"),
            ("", "TLS version \"\" is unknown: it is TLS1.2 or TLS1.3"),
        ] as [(String, String?)]
    )
    func versionsAreKnownByEtcdsNames(name: String, problem: String?) {
        check(problem) { () throws(TLSError) in _ = try ProtocolVersion(name: name) }
    }

    @Test func versionsInTheWrongOrderAreRefused() {
        check("lowest TLS version TLS1.3 is above the highest, TLS1.2") {
            () throws(TLSError) in
            _ = try ProtocolVersion.range(from: .tls13, to: .tls12)
        }
    }
}

/// Expects `body` to fail with exactly `problem`, or to succeed if that is nil.
func check(
    _ problem: String?,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws(TLSError) -> Void
) {
    do throws(TLSError) {
        try body()
        #expect(problem == nil, sourceLocation: sourceLocation)
    } catch {
        #expect(error.description == problem, sourceLocation: sourceLocation)
    }
}
