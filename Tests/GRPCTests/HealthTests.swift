import GRPC
import Testing

@Suite struct HealthTests {
    private func fixture(_ health: Health, _ name: String) throws -> CallFixture {
        let method = try #require(health.methods.first { $0.path.hasSuffix(name) })
        return CallFixture(method.kind)
    }

    private func request(_ service: String) -> [UInt8] {
        framed([0x0a, UInt8(service.utf8.count)] + Array(service.utf8))
    }

    @Test(arguments: [[], [0x0a, 0], [0x10, 5, 0x0a, 0], [0x1d, 0, 0, 0, 0]] as [[UInt8]])
    func theServerAsAWholeIsServing(_ message: [UInt8]) throws {
        let fixture = try self.fixture(Health(), "Check")
        fixture.receive(framed(message))
        #expect(fixture.transport.take(fixture.call).bytes == framed([0x08, 1]))
    }

    @Test func anUnknownServiceIsNotFound() throws {
        let fixture = try self.fixture(Health(), "Check")
        fixture.receive(self.request("etcd"))
        #expect(fixture.transport.refusal?.status == Status(.notFound, "unknown service"))
    }

    @Test(
        arguments: [[0x0a], [0x0a, 5, 1], [0x0f], [0xff], [0x0a, 1, 0xff], [0, 0]] as [[UInt8]]
    )
    func aBrokenRequestIsRefused(_ message: [UInt8]) throws {
        let fixture = try self.fixture(Health(), "Check")
        fixture.receive(framed(message))
        #expect(fixture.transport.refusal?.status.code == .internal)
    }

    @Test func aWatchHearsChanges() throws {
        let health = Health()
        let watch = try self.fixture(health, "Watch")
        watch.receive(self.request("db"))
        #expect(watch.transport.take(watch.call).bytes == framed([0x08, 3]))
        health.set("db", .serving)
        health.set("db", .serving)
        health.set("other", .serving)
        health.set("db", .notServing)
        watch.loop.run()
        #expect(watch.transport.take(watch.call).bytes == framed([0x08, 1]) + framed([0x08, 2]))
        watch.call.end(Status(.canceled), answering: false)
        health.set("db", .serving)
        watch.loop.run()
        #expect(watch.call.bufferedBytes == 0)
    }
}
