import GRPC
import HTTP2
import Testing
import Transport

@Suite struct StopTests {
    @Test func runningCallsFinishAndStreamsAreTold() async throws {
        var configuration = ServerConfiguration(
            listeners: [Listener(name: "test", address: .tcp(host: "127.0.0.1", port: 0))],
            methods: TestService.methods
        )
        configuration.stopStatus = Status(.unavailable, "etcdserver: server stopped")
        let server = try await Server.start(configuration)
        let address = server.addresses[0]
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        async let outcome = blocking { () -> (Status?, Status?, ErrorCode?) in
            let client = try Client(to: address)
            let chat = try client.start(TestService.chat)
            client.send([1], on: chat)
            try client.wait { chat.messages.count == 1 }
            let slow = try client.start(TestService.slow)
            client.send([], on: slow, isLast: true)
            try client.flush()
            client.ping()
            try client.wait { client.pongs == 1 }
            isReady.yield()
            try client.wait { chat.isOver && slow.isOver }
            try client.waitForClose()
            return (slow.status, chat.status, client.goAway)
        }
        for await _ in ready { break }
        await server.stop(grace: .seconds(10))
        let (slow, chat, goAway) = try await outcome
        #expect(slow == .ok)
        #expect(chat == Status(.unavailable, "etcdserver: server stopped"))
        #expect(goAway == .noError)
        #expect(server.connectionCount == 0)
        await #expect(throws: Client.Failure.self) {
            try await blocking { _ = try Client(to: address) }
        }
    }

    @Test func graceIsAHardBound() async throws {
        let server = try await Server.start(
            ServerConfiguration(
                listeners: [Listener(name: "test", address: .tcp(host: "127.0.0.1", port: 0))],
                methods: TestService.methods
            )
        )
        let address = server.addresses[0]
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        async let isLost = blocking { () -> Bool in
            let client = try Client(to: address)
            let call = try client.start(TestService.silent)
            client.send([], on: call, isLast: true)
            client.ping()
            try client.wait { client.pongs == 1 }
            isReady.yield()
            try client.waitForClose()
            return call.isLost
        }
        for await _ in ready { break }
        await server.stop(grace: .milliseconds(100))
        #expect(try await isLost)
    }

    @Test func aServerThatNobodyUsesStopsAtOnce() async throws {
        let server = try await Server.start(
            ServerConfiguration(
                listeners: [Listener(name: "test", address: .tcp(host: "127.0.0.1", port: 0))],
                methods: []
            )
        )
        await server.stop(grace: .seconds(600))
        await server.stop(grace: .seconds(600))
    }
}
