import ByreTestKit
import GRPC
import HTTP2
import TLS
import Testing
import Transport

/// What becomes of connections when their clients' certificates are revoked.
@Suite struct RevocationTests {
    private let temporary: TemporaryDirectory

    init() throws {
        self.temporary = try TemporaryDirectory()
        try self.install("clean.pem")
    }

    /// Puts a revocation list of the test PKI in place of the one that the server reads.
    private func install(_ list: String) throws {
        try Shell.run("cat '\(PKI.shared.path(list))' > crl.pem", in: self.temporary.path)
    }

    private func serve(
        _ change: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (TLSServer) async throws -> Void
    ) async throws {
        var settings = ServerSettings.mutual
        settings.revocationFiles = [self.temporary.path + "/crl.pem"]
        try await TLSServer.run(settings) { configuration in
            configuration.methods = TestService.methods
            change(&configuration)
        } _: { server in
            try await body(server)
        }
    }

    /// A client with the certificate `name` of the test PKI.
    private static func connect(_ name: String, to address: Listener.Address) throws -> Client {
        var settings = ClientSettings(trustedCAFile: PKI.shared.path("ca.crt"))
        settings.certificateFile = PKI.shared.path("\(name).crt")
        settings.keyFile = PKI.shared.path("\(name).key")
        return try Client(
            to: address,
            security: Context(client: settings),
            serverName: "localhost"
        )
    }

    @Test func theRevokedAreToldToGoAndNobodyElse() async throws {
        try await self.serve { server in
            let address = server.address
            let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
            async let outcome = blocking { () -> (Status?, ErrorCode?) in
                let lost = try Self.connect("revoked", to: address)
                let kept = try Self.connect("client", to: address)
                let chats = try [lost, kept].map { client in
                    let chat = try client.start(TestService.chat)
                    client.send([1], on: chat)
                    try client.wait { chat.messages.count == 1 }
                    return chat
                }
                isReady.yield()
                try lost.wait { chats[0].isOver }
                try lost.waitForClose()
                kept.send([2], on: chats[1])
                try kept.wait { chats[1].messages.count == 2 }
                return (chats[0].status, lost.goAway)
            }
            for await _ in ready { break }
            try self.install("crl.pem")
            let (status, goAway) = try await outcome
            #expect(status == Status(.unavailable, "transport is closing"))
            #expect(goAway == .noError)
            await #expect(throws: (any Error).self) {
                try await blocking {
                    let client = try Self.connect("revoked", to: address)
                    _ = try client.unary(TestService.echo, [1])
                }
            }
        }
    }

    @Test func aCallThatDoesNotEndIsCutOff() async throws {
        try await self.serve {
            $0.limits.revokedGrace = .milliseconds(100)
        } _: { server in
            let address = server.address
            let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
            async let isLost = blocking { () -> Bool in
                let client = try Self.connect("revoked", to: address)
                let call = try client.start(TestService.silent)
                client.send([], on: call, isLast: true)
                client.ping()
                try client.wait { client.pongs == 1 }
                isReady.yield()
                try client.waitForClose()
                return call.isLost
            }
            for await _ in ready { break }
            try self.install("crl.pem")
            #expect(try await isLost)
        }
    }
}
