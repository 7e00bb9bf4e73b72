import AdminServer
import ByreAPI
import ByreCore
import ByreTestKit
import Engine
import EtcdAPI
import GRPC
import Logging
import SwiftProtobuf
import Synchronization
import Tenancy

/// An admin API over a store in memory, called without a network.
final class AdminFixture {
    let store: Store
    private let table: ServiceTable

    init(sqlReaders: (any SQLReaders)? = nil, rules: [IdentityRules] = []) throws {
        self.store = try Store(
            backend: MemoryBackend(sqlReaders: sqlReaders),
            configuration: Configuration(),
            newTenant: .numbered(1, name: "default"),
            encodeEvent: { _, _ in [] },
            report: { _ in }
        )
        let server = AdminServer(
            store: self.store,
            rules: rules,
            program: "test",
            logger: Logger(label: "test")
        )
        self.table = ServiceTable(server.methods)
    }

    deinit {
        self.store.stop()
    }

    /// Makes a unary call.
    /// - Throws: the status, when it is not OK.
    func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ name: String,
        _ request: Request,
        as type: Response.Type = Response.self
    ) throws -> Response {
        let path = Array("/byre.v1.TenantService/\(name)".utf8)
        guard let method = path.withUnsafeBytes({ self.table.entry($0) }) else {
            throw Status(.unimplemented, name)
        }
        let loop = CallingLoop()
        let transport = AnswerTransport()
        let call = ServerCall(
            method,
            id: CallID(stream: 1, slot: 0),
            loop: LoopHandle(loop),
            peer: Peer(listener: "admin", remoteAddress: "test"),
            messageBytesMax: 1 << 20,
            transport: transport
        )
        call.start()
        let framed = FramedMessage(
            reserved: request.encoded(reservingPrefix: FramedMessage.prefixLength)
        )
        framed.bytes.withUnsafeBytes { call.received($0) }
        call.receivedEnd()
        while call.isOpen { try loop.runNext() }
        if let status = transport.refusal { throw status }
        let answer = transport.take(call)
        guard answer.count >= FramedMessage.prefixLength else { throw Status(.internal, "empty") }
        let message = Array(answer.dropFirst(FramedMessage.prefixLength))
        return try Response(decoding: message.span.bytes)
    }

    /// The status of a call that must fail.
    func status(_ name: String, _ request: some SwiftProtobuf.Message) -> Status? {
        do {
            _ = try self.call(name, request, as: ByreGetResponse.self)
            return nil
        } catch {
            return error as? Status
        }
    }
}

/// A loop whose bodies the calling thread runs, as they come from others.
private final class CallingLoop: LoopExecutor {
    private let bodies = Mutex<[@Sendable () -> Void]>([])
    private let signal = Signal()

    func execute(_ body: @escaping @Sendable () -> Void) {
        self.bodies.withLock { $0.append(body) }
        self.signal.send()
    }

    func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> LoopTimer {
        LoopTimer {}
    }

    var now: Duration { .zero }
    var isCurrent: Bool { true }

    func runNext() throws {
        try self.signal.wait(for: "an answer")
        let body = self.bodies.withLock { $0.removeFirst() }
        body()
    }
}

/// Takes the answer of one call.
private final class AnswerTransport: CallTransport {
    private(set) var refusal: Status?

    func open(_ call: ServerCall) {}
    func refuse(_ call: ServerCall, _ refusal: Refusal) { self.refusal = refusal.status }
    func resume(_ call: ServerCall) {}
    func reset(_ call: ServerCall) {}
    func leave(_ call: ServerCall) {}
    func receivedMessage(_ call: ServerCall) {}
    func sentMessage(_ call: ServerCall) {}
    func settled(_ call: ServerCall, _ code: Status.Code) {}

    func take(_ call: ServerCall) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            switch buffer.withUnsafeMutableBytes({ call.read(into: $0) }) {
            case .pending: return bytes
            case .bytes(let count): bytes += buffer[..<count]
            case .last(let count, _): return bytes + buffer[..<count]
            }
        }
    }
}
