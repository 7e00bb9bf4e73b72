import ByreTestKit
import GRPC
import Glibc
import Testing
import Transport

@Suite struct ListenerTests {
    private let temporary: TemporaryDirectory
    private var path: String { self.temporary.path + "/byre.sock" }

    init() throws {
        self.temporary = try TemporaryDirectory()
    }

    private func serve(
        _ address: Listener.Address,
        _ body: @escaping @Sendable (Server) async throws -> Void
    ) async throws {
        try await withServer(
            configure: { $0.listeners = [Listener(name: "test", address: address)] },
            body
        )
    }

    private func start(_ address: Listener.Address) async throws -> Server {
        try await Server.start(
            ServerConfiguration(
                listeners: [Listener(name: "test", address: address)],
                methods: TestService.methods
            )
        )
    }

    @Test func aUnixSocketIsServedAndRemoved() async throws {
        let path = self.path
        try await self.serve(.unix(path: path)) { server in
            #expect(server.addresses == [.unix(path: path)])
            try await blocking {
                let client = try Client(to: .unix(path: path))
                #expect(try client.unary(TestService.echo, [1]).messages == [[1]])
            }
        }
        #expect(access(path, F_OK) != 0)
    }

    @Test func aStaleSocketFileIsReplaced() async throws {
        let path = self.path
        let stale = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(stale, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        close(stale)
        #expect(bound == 0)
        try await self.serve(.unix(path: path)) { _ in
            try await blocking {
                let client = try Client(to: .unix(path: path))
                #expect(try client.unary(TestService.echo, [1]).messages == [[1]])
            }
        }
    }

    @Test func aServedSocketFileIsLeftAlone() async throws {
        let path = self.path
        try await self.serve(.unix(path: path)) { _ in
            await #expect(throws: TransportError.addressInUse(.unix(path: path))) {
                try await self.start(.unix(path: path))
            }
            try await blocking {
                let client = try Client(to: .unix(path: path))
                #expect(try client.unary(TestService.echo, [1]).messages == [[1]])
            }
        }
    }

    @Test func aFileThatIsNoSocketIsLeftAlone() async throws {
        let path = self.path
        let file = try #require(fopen(path, "w"))
        fclose(file)
        defer { unlink(path) }
        await #expect(throws: TransportError.notASocket(path: path)) {
            try await self.start(.unix(path: path))
        }
        #expect(access(path, F_OK) == 0)
    }

    @Test func aPortInUseIsSaid() async throws {
        try await self.serve(.tcp(host: "127.0.0.1", port: 0)) { server in
            let address = server.addresses[0]
            await #expect(throws: TransportError.addressInUse(address)) {
                try await self.start(address)
            }
        }
    }

    @Test(arguments: ["localhost", "::1", "0.0.0.0"])
    func namesAndBothKindsOfAddressesAreServed(_ host: String) async throws {
        try await self.serve(.tcp(host: host, port: 0)) { server in
            guard case .tcp(_, let port) = server.addresses[0] else { return }
            try await blocking {
                let client = try Client(
                    to: .tcp(host: host == "0.0.0.0" ? "127.0.0.1" : host, port: port)
                )
                #expect(try client.unary(TestService.echo, [1]).messages == [[1]])
            }
        }
    }

    @Test func aNameNobodyHasIsSaid() async throws {
        let error = await #expect(throws: TransportError.self) {
            try await self.start(.tcp(host: "no.such.host.invalid", port: 0))
        }
        guard case .cannotListen = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func everyListenerHasItsName() async throws {
        let path = self.path
        try await withServer(
            configure: {
                $0.listeners = [
                    Listener(name: "one", address: .tcp(host: "127.0.0.1", port: 0)),
                    Listener(name: "two", address: .unix(path: path)),
                ]
            }
        ) { server in
            let addresses = server.addresses
            try await blocking {
                for (address, name) in zip(addresses, ["one", "two"]) {
                    let call = try Client(to: address).unary(
                        TestService.metadata,
                        Array("peer".utf8)
                    )
                    #expect(call.messages == [Array(name.utf8)])
                }
            }
        }
    }
}
