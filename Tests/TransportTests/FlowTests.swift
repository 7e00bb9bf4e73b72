import GRPC
import Glibc
import HTTP2
import Testing
import Transport

@Suite(.serialized) struct FlowTests {
    /// Bytes of memory this process holds.
    private static func residentBytes() throws -> Int {
        let file = try #require(fopen("/proc/self/statm", "r"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 200)
        let text = try #require(fgets(&line, 200, file).map { String(cString: $0) })
        let pages = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func lengthMessage(_ length: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) }
    }

    @Test func aLargeAnswerArrivesWhole() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                let call = try client.unary(TestService.large, Self.lengthMessage(5_000_000))
                let message = try #require(call.messages.first)
                #expect(message.count == 5_000_000)
                #expect(
                    message.indices.allSatisfy {
                        message[$0] == UInt8(truncatingIfNeeded: $0 / 251)
                    }
                )
            }
        }
    }

    @Test func anAnswerThatCannotBeFinishedIsResetAndHarmsNobodyElse() async throws {
        let path = "/test.Test/Breaking"
        let method = Method(
            path: path,
            kind: .unary { _, call in
                call.reply(length: 5_000_000, source: BreakingSource(call, after: 1_000_000))
            }
        )
        try await withServer(TestService.methods + [method]) { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                let broken = try client.start(path)
                client.send([], on: broken, isLast: true)
                try client.wait { broken.isOver }
                // What gRPC clients take for `Unavailable`.
                #expect(broken.closeCode == .refusedStream)
                #expect(broken.status == nil)
                #expect(broken.messages.isEmpty)
                #expect(broken.bodyCount <= 1_000_000 + FramedMessage.prefixLength)
                #expect(try client.unary(TestService.echo, [7]).messages == [[7]])
            }
        }
    }

    @Test func streamsThatAreResetLeaveNothingCountedBehind() async throws {
        let path = "/test.Test/Talkative"
        let method = Method(path: path, kind: .streaming { Talker($0) })
        try await withServer(
            TestService.methods + [method],
            configure: { $0.limits.unsentBytesMax = 1 << 20 }
        ) { server in
            let address = server.addresses[0]
            try await blocking {
                let client = try Client(to: address)
                for _ in 0..<20 {
                    let call = try client.start(path)
                    client.send([], on: call)
                    // The message is longer than the windows, so most of it is still unsent.
                    try client.wait { call.blockCount > 0 }
                    client.cancel(call)
                }
                #expect(try client.unary(TestService.echo, [7]).status == .ok)
            }
        }
    }

    @Test func aSlowReaderHoldsLittleMemory() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let length = 100_000_000
                let client = try Client(to: address)
                let call = try client.start(TestService.large)
                call.holdsCredit = true
                call.dropsMessages = true
                client.send(Self.lengthMessage(length), on: call, isLast: true)
                let window = 1 << 20
                try client.wait { call.bodyCount >= window }
                let before = try Self.residentBytes()
                var most = before
                var consumed = 0
                while !call.isOver {
                    let part = min(window, call.bodyCount - consumed)
                    consumed += part
                    client.consume(part, of: call)
                    let target = min(consumed + window, length + 5)
                    try client.wait { call.bodyCount >= target }
                    most = max(most, try Self.residentBytes())
                    if target == length + 5 { try client.wait { call.isOver } }
                }
                #expect(call.bodyCount == length + 5)
                #expect(call.status == .ok)
                #expect(most - before < 16 << 20)
            }
        }
    }

    @Test func aClientThatDoesNotReadHoldsLittleMemory() async throws {
        try await withServer { server in
            let address = server.addresses[0]
            try await blocking {
                let before = try Self.residentBytes()
                var limits = SessionLimits()
                limits.streamWindowBytes = .max
                limits.connectionWindowBytes = .max
                let clients = try (0..<8).map { _ in try Client(to: address, limits: limits) }
                for client in clients {
                    let call = try client.start(TestService.large)
                    client.send(Self.lengthMessage(50_000_000), on: call, isLast: true)
                    try client.flush()
                }
                // Served while the others' sockets are full.
                let other = try Client(to: address)
                for _ in 0..<100 {
                    #expect(try other.unary(TestService.echo, [1]).status == .ok)
                }
                #expect(try Self.residentBytes() - before < 32 << 20)
            }
        }
    }

    @Test func answersThatNobodyReadsAreBounded() async throws {
        try await withServer(configure: { $0.limits.unsentBytesMax = 1 << 20 }) { server in
            let address = server.addresses[0]
            try await blocking {
                var limits = SessionLimits()
                limits.streamWindowBytes = 1
                let client = try Client(to: address, limits: limits)
                let message = [UInt8](repeating: 1, count: 300_000)
                var calls: [ClientCall] = []
                for _ in 0..<6 {
                    let call = try client.start(TestService.echo)
                    call.holdsCredit = true
                    client.send(message, on: call, isLast: true)
                    calls.append(call)
                }
                let refusals = { calls.filter { $0.status?.code == .unavailable }.count }
                try client.wait { refusals() == 2 }
                #expect(calls.filter { $0.isOver }.count == 2)
                for call in calls where !call.isOver { client.cancel(call) }
                let call = try client.start(TestService.echo)
                client.send([7], on: call, isLast: true)
                try client.wait { call.isOver }
                #expect(call.messages == [[7]])
            }
        }
    }
}

/// Gives its first bytes, and then finds that there will be no more.
private final class BreakingSource: MessageSource {
    private weak var call: ServerCall?
    private var rest: Int

    init(_ call: ServerCall, after count: Int) {
        self.call = call
        self.rest = count
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, self.rest)
        buffer[..<count].initializeMemory(as: UInt8.self, repeating: 9)
        self.rest -= count
        if count == 0 { self.call?.abandonReply() }
        return count
    }

    func cancel() {}
}

/// Answers a message with more than a client's window takes.
private final class Talker: StreamHandler {
    private weak var call: ServerCall?

    init(_ call: ServerCall) { self.call = call }

    func received(_ message: RawSpan) {
        let bytes = [UInt8](repeating: 9, count: FramedMessage.prefixLength + 2_000_000)
        self.call?.send(FramedMessage(reserved: bytes))
    }
    func halfClosed() {}
    func ended(_ reason: Status) {}
    func drained() {}
}
