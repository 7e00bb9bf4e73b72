import ByreTestKit
import Synchronization
import TLS
import Testing

/// Certificates that change while the server runs.
@Suite final class ReloadingContextTests {
    private let temporary: TemporaryDirectory
    private var directory: String { self.temporary.path }
    private let start = ContinuousClock.now
    private var checks = 0
    private let changes = Changes()

    /// What the context told, on whichever thread.
    private final class Changes: Sendable {
        private let changes = Mutex<[ReloadingContext.Change]>([])

        func append(_ change: ReloadingContext.Change) {
            self.changes.withLock { $0.append(change) }
        }

        var taken: [ReloadingContext.Change] {
            self.changes.withLock { changes in
                defer { changes = [] }
                return changes
            }
        }
    }

    init() throws {
        self.temporary = try TemporaryDirectory()
        try self.install(certificate: "server", key: "server", ca: "ca")
    }

    /// Puts files of the PKI in place, as an administrator would: over the old ones.
    private func install(certificate: String? = nil, key: String? = nil, ca: String? = nil) throws {
        for (file, source) in [
            ("tls.crt", certificate.map { "\($0).crt" }), ("tls.key", key.map { "\($0).key" }),
            ("ca.crt", ca.map { "\($0).crt" }),
        ] {
            guard let source else { continue }
            try Shell.run("cat '\(PKI.shared.path(source))' > \(file)", in: self.directory)
        }
    }

    private func makeContext() throws -> ReloadingContext {
        try ReloadingContext(
            ServerSettings(
                certificateFile: self.directory + "/tls.crt",
                keyFile: self.directory + "/tls.key",
                trustedCAFile: self.directory + "/ca.crt"
            ),
            at: self.start
        ) { [changes] in changes.append($0) }
    }

    /// What a client with the certificate `name` sees at the next check: the server's common name.
    private func serverSeen(
        by name: String = "client",
        _ reloading: ReloadingContext
    ) throws -> String? {
        self.checks += 1
        let context = reloading.context(at: self.start + Limits.reloadCheckInterval * self.checks)
        let link = try Link(server: context, client: Context(client: .with(certificate: name)))
        link.carry()
        return link.server.state == .open ? link.client.peerCertificate?.commonName : nil
    }

    @Test func newCertificatesArePickedUp() throws {
        let reloading = try self.makeContext()
        #expect(try self.serverSeen(reloading) == "server")
        try self.install(certificate: "renewed", key: "renewed")
        #expect(try self.serverSeen(reloading) == "renewed")
        #expect(self.changes.taken == [.loaded(warnings: [])])
        #expect(try self.serverSeen(reloading) == "renewed")
        #expect(self.changes.taken == [])
    }

    @Test func newCAsArePickedUp() throws {
        let reloading = try self.makeContext()
        #expect(try self.serverSeen(by: "foreign", reloading) == nil)
        try self.install(ca: "other")
        #expect(try self.serverSeen(by: "foreign", reloading) == "server")
        #expect(try self.serverSeen(by: "client", reloading) == nil)
    }

    @Test func halfOfANewPairIsSurvived() throws {
        let reloading = try self.makeContext()
        try self.install(certificate: "renewed")
        #expect(try self.serverSeen(reloading) == "server")
        let refusal = TLSError.file(
            .key,
            path: self.directory + "/tls.key",
            problem: "does not match the certificate in \(self.directory)/tls.crt"
        )
        #expect(self.changes.taken == [.refused(refusal)])
        #expect(reloading.isRefusing)
        // Told once, not at every check.
        #expect(try self.serverSeen(reloading) == "server")
        #expect(self.changes.taken == [])

        try self.install(key: "renewed")
        #expect(try self.serverSeen(reloading) == "renewed")
        #expect(self.changes.taken == [.loaded(warnings: [])])
        #expect(!reloading.isRefusing)
    }

    @Test(arguments: ["cut", "mangled"])
    func brokenFileIsSurvived(name: String) throws {
        let reloading = try self.makeContext()
        try self.install(certificate: name)
        #expect(try self.serverSeen(reloading) == "server")
        guard case .refused(.file(.certificate, _, _)) = self.changes.taken.first else {
            Issue.record("a broken certificate was not refused")
            return
        }
        // Back to what it was: no news but the end of the trouble.
        try self.install(certificate: "server")
        #expect(try self.serverSeen(reloading) == "server")
        #expect(self.changes.taken == [.loaded(warnings: [])])
    }

    @Test func missingFileIsSurvived() throws {
        let reloading = try self.makeContext()
        try Shell.run("rm ca.crt", in: self.directory)
        #expect(try self.serverSeen(reloading) == "server")
        #expect(
            self.changes.taken == [
                .refused(
                    .file(
                        .trustedCA,
                        path: self.directory + "/ca.crt",
                        problem: "No such file or directory"
                    )
                )
            ]
        )
    }

    @Test func filesBehindASwappedLinkArePickedUp() throws {
        // As Kubernetes updates a mounted secret.
        try Shell.run(
            """
            mkdir old new; mv tls.* ca.crt old; ln -s old ..data
            for file in tls.crt tls.key ca.crt; do ln -s ..data/$file $file; done
            cp '\(PKI.shared.path("renewed.crt"))' new/tls.crt
            cp '\(PKI.shared.path("renewed.key"))' new/tls.key
            cp old/ca.crt new
            """,
            in: self.directory
        )
        let reloading = try self.makeContext()
        #expect(try self.serverSeen(reloading) == "server")
        try Shell.run("ln -s new ..data_tmp; mv -T ..data_tmp ..data", in: self.directory)
        #expect(try self.serverSeen(reloading) == "renewed")
    }

    @Test func filesAreLeftAloneBetweenChecks() throws {
        let reloading = try self.makeContext()
        let first = reloading.context(at: self.start)
        try self.install(certificate: "renewed", key: "renewed")
        let justBefore = self.start + Limits.reloadCheckInterval - .nanoseconds(1)
        #expect(reloading.context(at: justBefore) === first)
        #expect(reloading.context(at: self.start + Limits.reloadCheckInterval) !== first)
    }

    @Test func openConnectionsOutliveTheirCertificates() throws {
        let reloading = try self.makeContext()
        let link = try Link(
            server: reloading.context(at: self.start),
            client: Context(client: .with(certificate: "client"))
        )
        link.carry()
        try self.install(certificate: "renewed", key: "renewed")
        #expect(try self.serverSeen(reloading) == "renewed")
        try link.client.send("still here")
        link.carry()
        #expect(link.atServer.take() == Array("still here".utf8))
    }

    @Test func expiryIsToldWithANewPair() throws {
        let reloading = try self.makeContext()
        try self.install(certificate: "expired", key: "expired")
        _ = try self.serverSeen(reloading)
        #expect(
            self.changes.taken == [
                .loaded(warnings: [
                    "certificate file \(self.directory)/tls.crt: expired on 2020-01-02 00:00:00Z"
                ])
            ]
        )
    }

    @Test func badFilesAtTheStartAreRefused() throws {
        try self.install(key: "renewed")
        check(
            "key file \(self.directory)/tls.key: "
                + "does not match the certificate in \(self.directory)/tls.crt"
        ) { () throws(TLSError) in
            do {
                _ = try self.makeContext()
            } catch let error as TLSError {
                throw error
            } catch {
                Issue.record(error)
            }
        }
    }
}
