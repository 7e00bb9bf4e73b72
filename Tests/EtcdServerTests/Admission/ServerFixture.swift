import ByreCore
import ByreTestKit
import Engine
import EtcdServer
import GRPC
import Synchronization
import Tenancy

/// An ``EtcdServer`` over a store in memory, called without a connection, on a loop whose time the test
/// decides.
final class ServerFixture {
    let backend = FaultyBackend(MemoryBackend())
    let loop = ManualLoop()
    let tenant: TenantStore
    let store: Store
    let server: EtcdServer
    private let table: ServiceTable
    private let handle: LoopHandle
    private var nextStream: Int32 = 1

    init(_ setLimits: (inout TenantLimits) -> Void) throws {
        var definition = TenantDefinition.numbered(1, name: "acme")
        setLimits(&definition.limits)
        let clock = SimulatedClock()
        self.store = try Store(
            backend: self.backend,
            configuration: Configuration(),
            clock: Clock { clock.now },
            newTenant: definition,
            encodeEvent: EtcdServer.encodeEvent,
            report: { _ in }
        )
        guard let tenant = self.store.tenant(named: "acme") else {
            throw Signal.Hang(what: "the new tenant")
        }
        self.tenant = tenant
        let rules = IdentityRules(.tenant("acme"), asksForCertificates: false)
        self.server = EtcdServer(
            store: self.store,
            access: TenantAccess(self.store, rules: ["test": rules]),
            settings: Settings()
        )
        self.table = ServiceTable(self.server.methods)
        self.handle = LoopHandle(self.loop)
    }

    deinit {
        self.store.stop()
    }

    /// A new connection's other end.
    func peer() -> Peer { Peer(listener: "test", remoteAddress: "nowhere") }

    /// Makes a unary call.
    func call(
        _ method: String,
        _ message: [UInt8],
        from peer: Peer? = nil,
        deadline: UInt64 = .max
    ) throws -> Exchange {
        let path = Array("/etcdserverpb.\(method)".utf8)
        guard let entry = path.withUnsafeBytes({ self.table.entry($0) }) else {
            throw Signal.Hang(what: method)
        }
        let exchange = Exchange()
        exchange.call = ServerCall(
            entry,
            id: CallID(stream: self.nextStream, slot: 0),
            loop: self.handle,
            peer: peer ?? self.peer(),
            deadline: deadline,
            messageBytesMax: 1 << 20,
            transport: exchange
        )
        self.nextStream += 2
        exchange.call?.start()
        exchange.send(message)
        return exchange
    }

    func put(_ key: String, _ value: String = "1", deadline: UInt64 = .max) throws -> Exchange {
        try self.call("KV/Put", Self.put(key, value), deadline: deadline)
    }

    func get(_ key: String) throws -> Exchange {
        try self.call("KV/Range", [10, UInt8(key.utf8.count)] + Array(key.utf8))
    }

    /// A PutRequest: key 1, value 2.
    static func put(_ key: String, _ value: String) -> [UInt8] {
        [10, UInt8(key.utf8.count)] + Array(key.utf8)
            + [18, UInt8(value.utf8.count)] + Array(value.utf8)
    }

    /// A TxnRequest that puts keys: success 2, request_put 2.
    static func txn(putting keys: [String]) -> [UInt8] {
        keys.flatMap { key in
            let put = self.put(key, "1")
            return [18, UInt8(put.count + 2), 18, UInt8(put.count)] + put
        }
    }

    /// Runs the loop until all these calls have their outcome.
    func finish(_ exchanges: [Exchange]) throws {
        while exchanges.contains(where: { $0.outcome == nil }) { try self.loop.runOne() }
    }

    /// Waits until every write that was queued is done.
    func settle() throws {
        let last = try self.call("Maintenance/Defragment", [])
        try self.finish([last])
    }

    /// Waits until every write that was queued is done, and watchers have heard of it: they are woken
    /// after the answers, and drained a turn of the loop later.
    func settleWakes() throws {
        for _ in 0..<2 { try self.settle() }
    }
}

/// Plays the connection of one call and remembers how it ends.
final class Exchange: CallTransport {
    fileprivate(set) var call: ServerCall?
    private(set) var outcome: Status.Code?
    private(set) var message = ""

    func open(_ call: ServerCall) {}
    func refuse(_ call: ServerCall, _ refusal: Refusal) { self.message = refusal.status.message }
    func resume(_ call: ServerCall) {}
    func reset(_ call: ServerCall) {}
    func leave(_ call: ServerCall) {}
    func receivedMessage(_ call: ServerCall) {}
    func sentMessage(_ call: ServerCall) {}
    func settled(_ call: ServerCall, _ code: Status.Code) { self.outcome = code }

    /// Has the client send a message.
    func send(_ message: [UInt8]) {
        let framed = FramedMessage(
            reserved: [UInt8](repeating: 0, count: FramedMessage.prefixLength) + message
        )
        framed.bytes.withUnsafeBytes { self.call?.received($0) }
    }

    /// Takes all that the call has to send now, framed; the handler may have more then.
    func readBody() -> [UInt8] {
        var body: [UInt8] = []
        while let call {
            let part = [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, count in
                if case .bytes(let read) = call.read(into: UnsafeMutableRawBufferPointer(buffer)) {
                    count = read
                }
            }
            call.deliverDrained()
            if part.isEmpty { break }
            body += part
        }
        return body
    }

    /// Bytes that the client has not taken.
    var bufferedBytes: Int { self.call?.bufferedBytes ?? 0 }

    /// The stream is closed: the client has its answer, or lets the call go.
    func close() {
        self.call?.end(Status(.canceled, "context canceled"), answering: false)
        self.call = nil
    }
}

/// A loop that runs what it is given when the test says so, and whose time the test decides.
final class ManualLoop: LoopExecutor {
    private struct Timer {
        let id: Int
        let due: Duration
        let body: @Sendable () -> Void
    }

    private struct State {
        var bodies: [@Sendable () -> Void] = []
        var timers: [Timer] = []
        var lastTimer = 0
        var now = Duration.seconds(1_000)
    }

    private let state = Mutex(State())
    private let arrived = Signal()

    func execute(_ body: @escaping @Sendable () -> Void) {
        self.state.withLock { $0.bodies.append(body) }
        self.arrived.send()
    }

    func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> LoopTimer {
        let id = self.state.withLock { state in
            state.lastTimer += 1
            state.timers.append(Timer(id: state.lastTimer, due: state.now + delay, body: body))
            return state.lastTimer
        }
        return LoopTimer { self.state.withLock { $0.timers.removeAll { $0.id == id } } }
    }

    var now: Duration { self.state.withLock { $0.now } }
    var isCurrent: Bool { true }

    /// Timers that wait.
    var timerCount: Int { self.state.withLock { $0.timers.count } }

    /// Waits for something to run, and runs it.
    func runOne() throws {
        try self.arrived.wait(for: "work of the loop")
        let body = self.state.withLock { $0.bodies.removeFirst() }
        body()
    }

    /// Waits for something to run, and does not run it.
    func awaitWork() throws {
        try self.arrived.wait(for: "work of the loop")
        self.arrived.send()
    }

    /// Lets time pass; timers run in their order.
    func advance(by time: Duration) {
        let until = self.now + time
        while let timer = self.takeTimer(dueBy: until) { timer.body() }
        self.state.withLock { $0.now = until }
    }

    private func takeTimer(dueBy until: Duration) -> Timer? {
        self.state.withLock { state in
            guard let first = state.timers.min(by: { ($0.due, $0.id) < ($1.due, $1.id) }),
                first.due <= until
            else { return nil }
            state.timers.removeAll { $0.id == first.id }
            state.now = max(state.now, first.due)
            return first
        }
    }
}
