import ByreTestKit
import Foundation
import TLS
import Testing

/// Certificates of an authority of one's own.
@Suite struct AuthorityTests {
    private let temporary: TemporaryDirectory
    private var directory: String { self.temporary.path }

    init() throws {
        self.temporary = try TemporaryDirectory()
    }

    private func path(_ name: String) -> String { "\(self.directory)/\(name)" }

    private func make(_ key: KeyKind = .ecdsa) throws -> Authority {
        _ = try Authority.create(in: self.path("ca"), commonName: "CA", days: 10, key: key)
        return try Authority(in: self.path("ca"))
    }

    @Test(arguments: KeyKind.allCases)
    func serverAndClientProveThemselves(key: KeyKind) throws {
        let authority = try self.make(key)
        var server = Authority.Request(.server, commonName: "db", days: 5)
        server.hosts = ["db.example", "127.0.0.1"]
        server.key = key
        try authority.issue(server).write(to: self.path("server"))
        var client = Authority.Request(.client, commonName: "acme", days: 5)
        client.uris = ["urn:byre:tenant:1"]
        client.key = key
        try authority.issue(client).write(to: self.path("client"))

        var clientSettings = ClientSettings(trustedCAFile: self.path("client/ca.crt"))
        clientSettings.certificateFile = self.path("client/tls.crt")
        clientSettings.keyFile = self.path("client/tls.key")
        let serverSettings = ServerSettings(
            certificateFile: self.path("server/tls.crt"),
            keyFile: self.path("server/tls.key"),
            trustedCAFile: self.path("ca/ca.crt")
        )
        let link = try AgreementTests.link(
            serverSettings,
            clientSettings,
            serverName: "db.example"
        )
        #expect(link.client.state == .open && link.server.state == .open)
        #expect(link.server.peerCertificate?.commonName == "acme")
        #expect(link.server.peerCertificate?.uris == ["urn:byre:tenant:1"])
        #expect(link.client.peerCertificate?.authorities.map(\.subject) == ["CN=CA"])

        let stranger = try AgreementTests.link(
            serverSettings,
            clientSettings,
            serverName: "other.example"
        )
        #expect(stranger.clientError == .certificate("hostname mismatch"))
    }

    @Test func nothingIsReplaced() throws {
        _ = try self.make()
        let before = try Data(contentsOf: URL(fileURLWithPath: self.path("ca/ca.key")))
        let again = try Authority.create(
            in: self.path("ca"),
            commonName: "CA",
            days: 10,
            key: .ecdsa
        )
        guard case .present = again else {
            Issue.record("an authority was replaced")
            return
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: self.path("ca/ca.key"))) == before)
    }

    @Test func aCertificateEndsNoLaterThanItsAuthority() throws {
        let authority = try self.make()
        let short = try authority.issue(Authority.Request(.client, commonName: "a", days: 3))
        let long = try authority.issue(Authority.Request(.client, commonName: "a", days: 99))
        let longer = try authority.issue(Authority.Request(.client, commonName: "a", days: 999))
        #expect(short.lastDay < long.lastDay)
        #expect(long.lastDay == longer.lastDay)
        #expect(Set([short, long, longer].map(\.certificate)).count == 3)
    }

    @Test(arguments: ["", "no uri", "urn:ü"])
    func whatIsNoURIIsRefused(uri: String) throws {
        let authority = try self.make()
        check("\"\(uri)\" is no URI") { () throws(TLSError) in
            var request = Authority.Request(.client, commonName: "a", days: 1)
            request.uris = [uri]
            _ = try authority.issue(request)
        }
    }
}
