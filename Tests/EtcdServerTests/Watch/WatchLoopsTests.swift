import ByreCore
import ByreTestKit
import Engine
import EtcdServer
import GRPC
import Testing

/// What a server keeps of the tenants that watch.
@Suite struct WatchLoopsTests {
    @Test func nothingIsKeptOfATenantThatIsErased() throws {
        let fixture = try ServerFixture { _ in }
        let erased = Signal()
        fixture.store.observeTenants { event, _ in
            if case .erased = event { erased.send() }
        }
        let streams = try (0..<3).map { _ in try fixture.call("Watch/Watch", []) }
        #expect(fixture.server.watchLoopCount == 1)
        var definition = fixture.tenant.definition
        definition.delete(reclaimAt: 0)
        try fixture.store.submit(
            .replace(fixture.tenant.id, definition, ifGeneration: nil),
            reply: nil
        )
        try erased.wait(for: "the erasing")
        #expect(fixture.server.watchLoopCount == 0)
        for stream in streams { stream.close() }
        // Who comes too late finds no tenant.
        let late = try fixture.call("Watch/Watch", [])
        #expect(late.outcome == .permissionDenied || late.outcome == .unavailable)
        #expect(fixture.server.watchLoopCount == 0)
    }
}
