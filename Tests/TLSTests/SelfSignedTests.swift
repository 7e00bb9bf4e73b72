import ByreTestKit
import Foundation
import TLS
import Testing

/// Certificates of `--auto-tls`.
@Suite struct SelfSignedTests {
    private let temporary: TemporaryDirectory
    private var directory: String { self.temporary.path + "/fixtures/client" }

    init() throws {
        self.temporary = try TemporaryDirectory()
    }

    @Test(arguments: ["localhost", "127.0.0.1", "::1", "node-1.example"])
    func certificateIsValidForItsHosts(host: String) throws {
        let settings = try SelfSigned.settings(
            in: self.directory,
            hosts: ["localhost", "127.0.0.1", "::1", "node-1.example"]
        )
        let link = try AgreementTests.link(
            settings,
            ClientSettings(trustedCAFile: settings.certificateFile),
            serverName: host
        )
        #expect(link.client.state == .open)
        #expect(link.client.peerCertificate?.authorities.map(\.subject) == ["O=Byre"])

        let stranger = try AgreementTests.link(
            settings,
            ClientSettings(trustedCAFile: settings.certificateFile),
            serverName: "other.example"
        )
        #expect(stranger.clientError == .certificate("hostname mismatch"))
    }

    @Test func filesAreMadeOnceAndKeyIsPrivate() throws {
        let first = try SelfSigned.settings(in: self.directory, hosts: ["localhost"])
        #expect(first.certificateFile == self.directory + "/cert.pem")
        #expect(first.keyFile == self.directory + "/key.pem")
        let before = try Data(contentsOf: URL(fileURLWithPath: first.certificateFile))
        let again = try SelfSigned.settings(in: self.directory, hosts: ["other.example"])
        #expect(again == first)
        #expect(try Data(contentsOf: URL(fileURLWithPath: first.certificateFile)) == before)

        let mode =
            try FileManager.default.attributesOfItem(atPath: first.keyFile)[.posixPermissions]
            as? Int
        #expect(mode == 0o600)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: self.directory).sorted()
                == ["cert.pem", "key.pem"]
        )
    }

    @Test func pairsDiffer() throws {
        let pairs = try (0..<3).map { _ in try SelfSigned.make(hosts: ["localhost"]) }
        #expect(Set(pairs.map(\.certificate)).count == 3)
        #expect(Set(pairs.map(\.key)).count == 3)
    }

    @Test(arguments: ["", "a,DNS:evil.example", "a b", "höst", "a:2379", "a\u{0}b"])
    func whatIsNoHostIsRefused(host: String) {
        check("\"\(host)\" is neither a host name nor an address") { () throws(TLSError) in
            _ = try SelfSigned.make(hosts: [host])
        }
    }

    @Test func directoryThatCannotBeMadeIsNamed() {
        check("certificate file /proc/none: No such file or directory") { () throws(TLSError) in
            _ = try SelfSigned.settings(in: "/proc/none/client", hosts: [])
        }
    }
}
