import ByreCore
import ByreTestKit
import Engine
import EtcdServer
import GRPC
import Tenancy
import Testing

/// Whose connection one is where each request says which tenant it wants.
@Suite struct ConnectionSeatTests {
    private let store: Store
    private let access: TenantAccess

    init() throws {
        self.store = try Store(
            backend: MemoryBackend(),
            configuration: Configuration(),
            newTenant: .numbered(1),
            encodeEvent: EtcdServer.encodeEvent,
            report: { _ in }
        )
        let rules = IdentityRules(
            .from([.serverName], and: nil),
            suffix: ".example",
            asksForCertificates: false
        )
        self.access = TenantAccess(self.store, rules: ["test": rules])
        for number in 2...TenantAccess.seatsMax + 2 { try self.change(.create(.numbered(number))) }
    }

    private func change(_ change: TenantChange) throws {
        let answer = ChangeAnswer()
        try self.store.submit(change, reply: answer)
        try answer.wait()
    }

    private func define(_ name: String, _ body: (inout TenantDefinition) -> Void) throws {
        let tenant = try #require(self.store.tenant(named: name))
        var definition = tenant.definition
        body(&definition)
        try self.change(.replace(tenant.id, definition, ifGeneration: nil))
    }

    /// Which tenant a request for a host is answered for.
    private func caller(_ peer: Peer, _ name: String) -> String? {
        guard case .tenant(let tenant) = self.access.caller(peer, authority: { name + ".example" })
        else { return nil }
        return tenant.name
    }

    private func connections(_ name: String) -> Int64? {
        self.store.tenant(named: name)?.admission.connections
    }

    @Test func aConnectionKeepsItsPlaceAmongEachOfItsTenants() throws {
        defer { self.store.stop() }
        try self.define("t1") { $0.limits.connections = 1 }
        try self.define("t2") { $0.limits.connections = 1 }
        var first: Peer? = Peer(listener: "test", remoteAddress: "nowhere")
        let second = Peer(listener: "test", remoteAddress: "nowhere")
        let one = try #require(first)
        for _ in 0..<3 {
            #expect(self.caller(one, "t1") == "t1")
            #expect(self.caller(one, "t2") == "t2")
            #expect(self.caller(one, "nobody") == nil)
            // Nobody else gets in while it asks for another.
            #expect(self.caller(second, "t1") == nil)
            #expect(self.connections("t1") == 1 && self.connections("t2") == 1)
        }
        withExtendedLifetime(one) {}
        first = nil
        _ = first
    }

    @Test func placesAreGivenBackWithTheConnection() throws {
        defer { self.store.stop() }
        do {
            let peer = Peer(listener: "test", remoteAddress: "nowhere")
            #expect(self.caller(peer, "t1") == "t1")
            #expect(self.caller(peer, "t2") == "t2")
        }
        #expect(self.connections("t1") == 0 && self.connections("t2") == 0)
    }

    @Test func theFirstPlaceIsGivenUpForOneTooMany() throws {
        defer { self.store.stop() }
        let peer = Peer(listener: "test", remoteAddress: "nowhere")
        for number in 1...TenantAccess.seatsMax + 1 {
            #expect(self.caller(peer, "t\(number)") == "t\(number)")
        }
        #expect(self.connections("t1") == 0)
        #expect(self.connections("t2") == 1)
        #expect(self.caller(peer, "t1") == "t1")
        #expect(self.connections("t1") == 1 && self.connections("t2") == 0)
    }
}

/// Waits for a change of the registry.
private final class ChangeAnswer: TenantReply, Sendable {
    private let done = Signal()

    var executor: any ReplyExecutor { LoopHandle(ImmediateLoop()) }

    func complete(_ result: Result<TenantStore, TenantChangeError>) { self.done.send() }

    func wait() throws { try self.done.wait(for: "a change of the registry") }
}

/// Runs everything where it comes from.
private struct ImmediateLoop: LoopExecutor {
    func execute(_ body: @escaping @Sendable () -> Void) { body() }
    func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> LoopTimer {
        LoopTimer {}
    }
    var now: Duration { .zero }
    var isCurrent: Bool { true }
}
