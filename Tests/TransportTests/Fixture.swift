import GRPC
import Glibc
import HTTP2
import Testing
import Transport

/// A server on a port the system chose, stopped when the test is over.
func withServer<Result>(
    _ methods: [Method] = TestService.methods,
    configure: (inout ServerConfiguration) -> Void = { _ in },
    _ body: (Server) async throws -> Result
) async throws -> Result {
    var configuration = ServerConfiguration(
        listeners: [Listener(name: "test", address: .tcp(host: "127.0.0.1", port: 0))],
        methods: methods + Health().methods,
        http: EchoHTTP()
    )
    configuration.loopCount = 2
    configure(&configuration)
    let server = try await Server.start(configuration)
    do {
        let result = try await body(server)
        await server.stop(grace: .seconds(1))
        return result
    } catch {
        await server.stop(grace: .seconds(1))
        throw error
    }
}

/// Runs what blocks off the threads that Swift's tasks share.
func blocking<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        let thread = BlockingThread {
            continuation.resume(with: Swift.Result { try body() })
        }
        thread.start()
    }
}

private final class BlockingThread: Sendable {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func start() {
        var thread = pthread_t()
        let place = Unmanaged.passRetained(self).toOpaque()
        pthread_create(
            &thread,
            nil,
            { place in
                guard let place else { return nil }
                Unmanaged<BlockingThread>.fromOpaque(place).takeRetainedValue().body()
                return nil
            },
            place
        )
        pthread_detach(thread)
    }
}

/// Methods that do what a test needs.
enum TestService {
    static let echo = "/test.Test/Echo"
    static let silent = "/test.Test/Silent"
    static let slow = "/test.Test/Slow"
    static let large = "/test.Test/Large"
    static let metadata = "/test.Test/Metadata"
    static let chat = "/test.Test/Chat"

    static let methods = [
        Method(
            path: Self.echo,
            kind: .unary { request, call in
                let reserved = [UInt8](repeating: 0, count: FramedMessage.prefixLength)
                call.reply(
                    FramedMessage(reserved: reserved + request.withUnsafeBytes { Array($0) })
                )
            }
        ),
        Method(path: Self.silent, kind: .unary { _, _ in }),
        Method(
            path: Self.slow,
            kind: .unary { _, call in
                let bound = LoopBound(call, loop: call.loop)
                call.loop.schedule(after: .milliseconds(50)) {
                    bound.value.reply(FramedMessage(reserved: [0, 0, 0, 0, 0, 1]))
                }
            }
        ),
        Method(
            path: Self.large,
            kind: .unary { request, call in
                let length = request.withUnsafeBytes { bytes in
                    bytes.reduce(0) { $0 << 8 | Int($1) }
                }
                call.reply(length: length, source: PatternSource(length))
            }
        ),
        Method(
            path: Self.metadata,
            kind: .unary { request, call in
                let name = request.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                let value =
                    name.hasSuffix("-bin")
                    ? call.requestMetadata.binaryValue(name).map { "\($0)" }
                    : name == "peer" ? call.peer.listener : call.metadata(name)
                let reserved = [UInt8](repeating: 0, count: FramedMessage.prefixLength)
                call.reply(FramedMessage(reserved: reserved + Array((value ?? "none").utf8)))
            }
        ),
        Method(path: Self.chat, kind: .streaming { Chat($0) }),
    ]
}

/// Sends every message back, and a last word after the client's.
private final class Chat: StreamHandler {
    private weak var call: ServerCall?

    init(_ call: ServerCall) { self.call = call }

    func received(_ message: RawSpan) {
        let reserved = [UInt8](repeating: 0, count: FramedMessage.prefixLength)
        self.call?.send(FramedMessage(reserved: reserved + message.withUnsafeBytes { Array($0) }))
    }
    func halfClosed() { self.call?.finish(Status(.aborted, "that was all \u{2713}")) }
    func ended(_ reason: Status) {}
    func drained() {}
}

/// Bytes that tell their place, made as they are asked for.
private final class PatternSource: MessageSource {
    private var position = 0
    private let length: Int

    init(_ length: Int) { self.length = length }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, self.length - self.position)
        for index in 0..<count {
            buffer[index] = PatternSource.byte(self.position + index)
        }
        self.position += count
        return count
    }

    func cancel() {}

    static func byte(_ position: Int) -> UInt8 { UInt8(truncatingIfNeeded: position / 251) }
}

/// Answers with what was asked.
struct EchoHTTP: HTTPHandler {
    func respond(to request: HTTPRequest) async -> HTTPResponse {
        let body = String(decoding: request.body, as: UTF8.self)
        return HTTPResponse(
            status: request.path == "/missing" ? 404 : 200,
            headers: [(name: "content-type", value: "text/plain")],
            body: Array("\(request.method) \(request.path)?\(request.query ?? "-") \(body)".utf8)
        )
    }
}

/// A plain socket, for what no well-behaved client sends.
final class RawSocket: Sendable {
    private let socket: Int32

    init(_ address: Listener.Address) throws {
        guard case .tcp(_, let port) = address else { throw RawSocketError.address }
        self.socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = in_port_t(port).bigEndian
        target.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(
            self.socket,
            SOL_SOCKET,
            SO_RCVTIMEO,
            &timeout,
            socklen_t(MemoryLayout<timeval>.size)
        )
        guard result == 0 else { throw RawSocketError.connect }
    }

    deinit { close(self.socket) }

    enum RawSocketError: Error { case address, connect, timedOut }

    /// - Returns: whether all was taken; a server that hangs up takes less.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                send(
                    self.socket,
                    $0.baseAddress.map { $0 + sent },
                    bytes.count - sent,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    func write(_ text: String) { self.write(Array(text.utf8)) }

    /// Reads until the server closes, or what was read satisfies `condition`.
    func read(until condition: ([UInt8]) -> Bool = { _ in false }) throws -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while !condition(all) {
            let count = buffer.withUnsafeMutableBytes {
                recv(self.socket, $0.baseAddress, $0.count, 0)
            }
            if count < 0, errno == EAGAIN { throw RawSocketError.timedOut }
            guard count > 0 else { return all }
            all += buffer[..<count]
        }
        return all
    }

    func readText(until end: String) throws -> String {
        String(
            decoding: try self.read { String(decoding: $0, as: UTF8.self).contains(end) },
            as: UTF8.self
        )
    }
}
