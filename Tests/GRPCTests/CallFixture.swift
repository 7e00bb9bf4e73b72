import GRPC
import Synchronization

/// A loop that runs what it is given when the test says so.
final class ManualLoop: LoopExecutor {
    private let bodies = Mutex<[@Sendable () -> Void]>([])

    func execute(_ body: @escaping @Sendable () -> Void) {
        self.bodies.withLock { $0.append(body) }
    }

    func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> LoopTimer {
        self.execute(body)
        return LoopTimer {}
    }

    var now: Duration { .zero }
    var isCurrent: Bool { true }

    func run() {
        let bodies = self.bodies.withLock { bodies in
            defer { bodies = [] }
            return bodies
        }
        for body in bodies { body() }
    }
}

/// Plays the connection of one call and takes everything it sends.
final class RecordingTransport: CallTransport {
    private(set) var isOpen = false
    private(set) var refusal: Refusal?
    private(set) var codes: [Status.Code] = []
    private(set) var resumeCount = 0
    private(set) var resets = 0
    private(set) var hasLeft = false
    private(set) var messages = (received: 0, sent: 0)

    func open(_ call: ServerCall) { self.isOpen = true }
    func refuse(_ call: ServerCall, _ refusal: Refusal) { self.refusal = refusal }
    func resume(_ call: ServerCall) { self.resumeCount += 1 }
    func reset(_ call: ServerCall) { self.resets += 1 }
    func leave(_ call: ServerCall) { self.hasLeft = true }
    func receivedMessage(_ call: ServerCall) { self.messages.received += 1 }
    func sentMessage(_ call: ServerCall) { self.messages.sent += 1 }
    func settled(_ call: ServerCall, _ code: Status.Code) { self.codes.append(code) }

    /// Takes what the call has to send, `step` bytes at a time.
    func take(_ call: ServerCall, step: Int = 16_384) -> (bytes: [UInt8], status: Status?) {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: step)
        while true {
            switch buffer.withUnsafeMutableBytes({ call.read(into: $0) }) {
            case .pending: return (bytes, nil)
            case .bytes(let count): bytes += buffer[..<count]
            case .last(let count, let status): return (bytes + buffer[..<count], status)
            }
        }
    }
}

/// One call with everything around it.
struct CallFixture {
    let loop = ManualLoop()
    let transport = RecordingTransport()
    let call: ServerCall

    init(_ kind: Method.Kind, limit: Int = 1 << 20, deadline: UInt64 = .max) {
        let table = ServiceTable([Method(path: "/test.Service/Method", kind: kind)])
        self.call = ServerCall(
            table.entries[0],
            id: CallID(stream: 1, slot: 0),
            loop: LoopHandle(self.loop),
            peer: Peer(listener: "test", remoteAddress: "nowhere"),
            deadline: deadline,
            messageBytesMax: limit,
            transport: self.transport
        )
        self.call.start()
    }

    /// Feeds body bytes.
    func receive(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.call.received($0) }
    }
}

/// A message as it is on the wire.
func framed(_ message: [UInt8]) -> [UInt8] {
    let reserved = [UInt8](repeating: 0, count: FramedMessage.prefixLength)
    return FramedMessage(reserved: reserved + message).bytes
}

/// Copies bytes out of a span.
func bytes(_ span: RawSpan) -> [UInt8] {
    span.withUnsafeBytes { Array($0) }
}
