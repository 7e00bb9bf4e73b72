import ByreTestKit
import Foundation
import TLS
import Testing
import Transport

/// Listeners with TLS, on real sockets, with other people's clients.
@Suite struct TLSServerTests {
    @Test(arguments: [("--http1.1", "1.1"), ("--http2", "2"), ("--no-alpn", "1.1")])
    func protocolsShareThePort(option: String, version: String) async throws {
        try await TLSServer.run(.plain) { server in
            let output = await server.curl(
                as: nil,
                [option, "--write-out", "version %{http_version}"]
            )
            #expect(output.status == 0, "\(output.text)")
            #expect(output.text.hasSuffix("version \(version)"), "\(output.text)")
        }
    }

    @Test func http2WithoutALPNIsToldByItsFirstBytes() async throws {
        try await TLSServer.run(.plain) { server in
            let output = await server.curl(
                as: nil,
                [
                    "--no-alpn", "--http2-prior-knowledge",
                    "--write-out", "version %{http_version}",
                ]
            )
            #expect(output.text.hasSuffix("version 2"), "\(output.text)")
        }
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func peerIsKnown(option: String) async throws {
        try await TLSServer.run { server in
            let output = await server.curl(as: "client", [option])
            #expect(
                output.text == """
                    listener secure
                    certificate shown
                    name tenant-a
                    dns ["a.example"]
                    uri ["spiffe://byre/tenant-a"]
                    authorities ["CN=ca,O=Test"]
                    server localhost
                    body 0

                    """
            )
        }
    }

    @Test func peerWithoutCertificateIsNobody() async throws {
        try await TLSServer.run(.plain) { server in
            let output = await server.curl(as: "client", [])
            #expect(output.text.contains("certificate none\nname none\ndns []\n"))
        }
    }

    @Test(
        arguments: [
            (nil, "alert certificate required"), ("foreign", "alert unknown ca"),
            ("expired", "alert certificate expired"),
        ] as [(String?, String)]
    )
    func clientsWithoutGoodCertificateAreRefused(name: String?, alert: String) async throws {
        try await TLSServer.run { server in
            let output = await server.curl(as: name, [])
            #expect(output.status != 0)
            #expect(output.text.contains(alert), "\(output.text)")
            // Others are served as before.
            #expect(await server.curl(as: "client", []).status == 0)
        }
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func unixSocketsSpeakTLS(option: String) async throws {
        try await TLSServer.run(at: .unix) { server in
            let output = await server.curl(as: "client", [option])
            #expect(output.text.contains("name tenant-a"), "\(output.text)")
        }
    }

    @Test(arguments: ["--http1.1", "--http2"], ["--tlsv1.3", "--tls-max=1.2"])
    func largeAnswersArriveWhole(option: String, version: String) async throws {
        try await TLSServer.run(.plain) { server in
            let arguments = [option] + version.split(separator: "=").map(String.init)
            let output = await server.curl(as: nil, arguments, path: "/large")
            #expect(output.status == 0)
            // Not as an expectation, which would look for the differences of megabytes for minutes.
            let isWhole = output.bytes == largeBody
            #expect(isWhole)
        }
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func largeRequestsArriveWhole(option: String) async throws {
        let temporary = try TemporaryDirectory()
        defer { temporary.remove() }
        let file = temporary.path + "/body"
        try Data(largeBody.prefix(1_500_000)).write(to: URL(fileURLWithPath: file))
        try await TLSServer.run(.plain) { server in
            let output = await server.curl(as: nil, [option, "--data-binary", "@\(file)"])
            #expect(output.text.hasSuffix("body 1500000\n"), "\(output.text.suffix(200))")
        }
    }

    @Test func versionBelowTheLowestIsRefused() async throws {
        try await TLSServer.run(.plain) { server in
            let output = await server.opensslClient(["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
            #expect(output.text.contains("alert protocol version"), "\(output.text)")
        }
    }

    @Test func renegotiationIsRefused() async throws {
        try await TLSServer.run(.plain) { server in
            let output = await server.opensslClient(["-tls1_2"], input: "R\n")
            #expect(output.text.contains("RENEGOTIATING"), "\(output.text)")
            #expect(output.text.contains("no renegotiation"), "\(output.text)")
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func sessionsAreNotResumed(version: String) async throws {
        try await TLSServer.run(.plain) { server in
            let output = await server.opensslClient([version, "-reconnect"])
            #expect(output.text.contains("New, TLS"), "\(output.text)")
            #expect(!output.text.contains("Reused, TLS"))
            #expect(!output.text.contains("session ticket"))
        }
    }

    @Test func certificatesFollowTheirFiles() async throws {
        let temporary = try TemporaryDirectory()
        defer { temporary.remove() }
        let directory = temporary.path
        func install(_ name: String) throws {
            for kind in ["crt", "key"] {
                let source = PKI.shared.path("\(name).\(kind)")
                try Shell.run("cat '\(source)' > tls.\(kind)", in: directory)
            }
        }
        try install("server")
        let settings = ServerSettings(
            certificateFile: directory + "/tls.crt",
            keyFile: directory + "/tls.key"
        )
        try await TLSServer.run(settings) { server in
            #expect(await server.opensslClient([]).text.contains("subject=CN = server\n"))
            try install("renewed")
            #expect(await server.opensslClient([]).text.contains("subject=CN = renewed\n"))
        }
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
    func plaintextOnATLSPortIsClosed(request: String) async throws {
        try await TLSServer.run { server in
            let socket = try TCPSocket(to: server.address)
            try socket.write(Array(request.utf8))
            // At most an alert: a record of 7 bytes.
            #expect(try socket.readToEnd().count <= 7)
            #expect(await server.curl(as: "client", []).status == 0)
        }
    }

    @Test(arguments: [0, 3, 200])
    func handshakeThatDoesNotGoOnIsClosed(helloBytes: Int) async throws {
        try await TLSServer.run {
            $0.limits.handshake = .milliseconds(100)
        } _: { server in
            let socket = try TCPSocket(to: server.address)
            try socket.write(Array(try clientHello().prefix(helloBytes)))
            #expect(try socket.readToEnd() == [])
        }
    }

    @Test func openConnectionsEndWithAGoodbye() async throws {
        try await TLSServer.run(.plain) { server in
            let client = try SecureSocket(to: server.address)
            try client.shakeHands()
            async let stopped: Void = server.server.stop(grace: .seconds(5))
            #expect(try client.readToEnd() == .peerClosed)
            await stopped
        }
    }

    /// A client's last word that is on its way when the server stops is heard before the goodbye.
    @Test func handshakesInFlightEndWithAGoodbye() async throws {
        try await TLSServer.run(.plain) { server in
            let witness = try SecureSocket(to: server.address)
            try witness.shakeHands()
            let client = try SecureSocket(to: server.address)
            let lastFlight = try client.shakeHandsButForTheLastFlight()
            async let stopped: Void = server.server.stop(grace: .seconds(5))
            // All of a loop's connections are told at once.
            #expect(try witness.readToEnd() == .peerClosed)
            try client.write(lastFlight)
            #expect(try client.readToEnd() == .peerClosed)
            await stopped
        }
    }

    @Test func handshakesThatDoNotGoOnDoNotKeepAServerFromStopping() async throws {
        try await TLSServer.run(.plain) { server in
            let client = try SecureSocket(to: server.address)
            _ = try client.shakeHandsButForTheLastFlight()
            await server.server.stop(grace: .seconds(60))
            #expect(try client.readToEnd() == .open)
        }
    }

    @Test func serverSurvivesClientsThatVanish() async throws {
        try await TLSServer.run { server in
            let hello = try clientHello()
            for bytes in stride(from: 0, through: hello.count, by: 7) {
                let socket = try TCPSocket(to: server.address)
                try socket.write(Array(hello.prefix(bytes)))
            }
            #expect(await server.curl(as: "client", []).status == 0)
        }
    }

    @Test func serverSurvivesGarbage() async throws {
        try await TLSServer.run { server in
            let hello = try clientHello()
            for position in stride(from: 0, to: hello.count, by: 11) {
                var bytes = hello
                bytes[position] ^= 0xff
                let socket = try TCPSocket(to: server.address)
                try socket.write(bytes)
            }
            #expect(await server.curl(as: "client", []).status == 0)
        }
    }
}
