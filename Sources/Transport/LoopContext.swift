import GRPC
import HTTP2
import Glibc
import NIOCore
import TLS

/// What the connections of one event loop share: scratch memory, counts, timeouts.
///
/// Scratch memory is the reason: a connection that waits holds no buffers of its own.
final class LoopContext: @unchecked Sendable {
    // Sendable: only the immutable members are used off the loop.
    let eventLoop: any EventLoop
    let handle: LoopHandle
    let counters: Counters
    let server: ServerCore

    /// What sessions record, used by one session at a time.
    let buffers = SessionBuffers()
    /// What TLS decrypts and encrypts into, used by one connection at a time.
    let secure = TLSBuffers()
    /// Metadata of the request being decoded.
    @exclusivity(unchecked) var metadata = MetadataBytes()
    /// The last write's buffer; reused unless the socket did not take all of it.
    @exclusivity(unchecked) var output: ByteBuffer
    /// The buffer for the next read, given back when its bytes were taken.
    @exclusivity(unchecked) private var input: ByteBuffer?
    @exclusivity(unchecked) private(set) var connections: [ObjectIdentifier: Connection] = [:]

    @exclusivity(unchecked) private var unflushed: [HTTP2Connection] = []
    /// Connections that had their turn and have more to write.
    @exclusivity(unchecked) private(set) var waiting: [HTTP2Connection] = []
    private let turns = PollTurns()
    /// Whether the next turn waits for a timer.
    @exclusivity(unchecked) private var isPausing = false
    @exclusivity(unchecked) private var window = PollWindow()
    @exclusivity(unchecked) private var deadlines = DeadlineQueue()
    @exclusivity(unchecked) private var isTicking = false
    /// By what connections were last looked through for revoked certificates.
    @exclusivity(unchecked) private var revocations: [ObjectIdentifier: TLS.Context] = [:]
    /// Version of the last review of the streams.
    @exclusivity(unchecked) private var reviewed: Int?

    init(eventLoop: any EventLoop, server: ServerCore) {
        self.eventLoop = eventLoop
        self.handle = LoopHandle(NIOLoopExecutor(eventLoop: eventLoop))
        self.server = server
        self.counters = Counters(methodCount: server.table.entries.count)
        self.output = ByteBufferAllocator().buffer(capacity: Limits.writeBytes)
    }

    /// Nanoseconds of the loop's clock.
    var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

    // MARK: Read buffer

    func takeInput(_ allocator: ByteBufferAllocator) -> ByteBuffer {
        guard let buffer = self.input else {
            return allocator.buffer(capacity: Limits.readBytes)
        }
        self.input = nil
        return buffer
    }

    func giveBack(_ buffer: ByteBuffer) {
        guard buffer.storageCapacity == Limits.readBytes else { return }
        self.input = buffer
        self.input?.moveReaderIndex(to: 0)
        self.input?.moveWriterIndex(to: 0)
    }

    // MARK: Connections

    func add(_ connection: Connection) {
        self.connections[ObjectIdentifier(connection)] = connection
        self.counters.add(1, to: .connectionsAccepted)
    }

    func remove(_ connection: Connection) {
        guard self.connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else {
            return
        }
        self.counters.add(1, to: .connectionsClosed)
        self.server.connectionClosed()
    }

    /// Looks for connections whose time is up, and for clients that are not let in any more.
    /// - Complexity: O(connections).
    func sweep() {
        let now = self.now
        for connection in Array(self.connections.values) {
            connection.checkTimeouts(now: now)
        }
        self.endRevoked(now: now)
        guard let review = self.server.configuration.review else { return }
        let version = review.version
        guard version != self.reviewed else { return }
        self.reviewed = version
        for connection in Array(self.connections.values) {
            connection.review(review)
        }
    }

    /// Ends the connections of clients whose certificates are on lists that are new.
    private func endRevoked(now: UInt64) {
        var changed: [ObjectIdentifier: TLS.Context] = [:]
        for security in self.server.revoking {
            let context = security.context(at: .now)
            let place = ObjectIdentifier(security)
            if self.revocations.updateValue(context, forKey: place) !== context {
                changed[place] = context
            }
        }
        guard !changed.isEmpty else { return }
        for connection in Array(self.connections.values) {
            connection.endIfRevoked(by: changed, now: now)
        }
    }

    // MARK: Flushing

    /// Has the connection flush once what runs now is done, with all others that ask meanwhile.
    func flushSoon(_ connection: HTTP2Connection) {
        self.unflushed.append(connection)
        guard self.unflushed.count == 1 else { return }
        self.eventLoop.execute { self.flushAll() }
    }

    /// Has the connection flush after the loop has looked at its sockets once more, or a while later
    /// if other clients ask.
    ///
    /// A long answer would keep the loop from all others for as long as its client reads as fast as
    /// this side writes; and where processors are few, its client and this loop would keep every
    /// other thread waiting for one until the scheduler's next tick.
    func flushAfterPoll(_ connection: HTTP2Connection) {
        self.waiting.append(connection)
        guard self.server.isAsked(at: self.now) else { return self.turns.ask() }
        guard !self.isPausing else { return }
        self.isPausing = true
        self.eventLoop.scheduleTask(in: Limits.turnPause) {
            self.isPausing = false
            self.polled()
        }
    }

    private func flushAll() {
        var connections: [HTTP2Connection] = []
        swap(&connections, &self.unflushed)
        for connection in connections {
            connection.flush()
        }
        connections.removeAll(keepingCapacity: true)
        if self.unflushed.isEmpty {
            swap(&connections, &self.unflushed)
        }
    }

    // MARK: Polling

    /// Makes ready what lets the loop poll between two turns.
    func open() async throws(TransportError) {
        try await self.turns.open(on: self.eventLoop) { self.polled() }
    }

    /// Input arrived.
    func received(at now: UInt64) { self.window.received(at: now) }

    /// What arrived is worked off.
    func settled() {
        let now = self.now
        self.window.settled(at: now)
        if self.window.lingers(at: now) { self.turns.ask() }
    }

    /// The loop has just looked at its sockets.
    private func polled() {
        if !self.waiting.isEmpty, !self.isPausing {
            var connections: [HTTP2Connection] = []
            swap(&connections, &self.waiting)
            for connection in connections { connection.takeTurn() }
        }
        if self.window.lingers(at: self.now) {
            // Whoever waits for this processor goes first.
            sched_yield()
            self.turns.ask()
        }
    }

    // MARK: Deadlines

    func setDeadline(_ call: ServerCall) {
        self.deadlines.insert(call, now: self.now)
        self.tickLater()
    }

    func clearDeadline(_ call: ServerCall) {
        self.deadlines.remove(call)
    }

    private func tickLater() {
        guard !self.isTicking, self.deadlines.count > 0 else { return }
        self.isTicking = true
        let tick = TimeAmount.nanoseconds(Int64(DeadlineQueue.tickNanoseconds))
        self.eventLoop.scheduleTask(in: tick) {
            self.isTicking = false
            for call in self.deadlines.expire(now: self.now) {
                call.end(Status(.deadlineExceeded, "context deadline exceeded"), answering: true)
            }
            self.tickLater()
        }
    }
}

/// Hands a loop's one read buffer to whichever socket is read.
///
/// SwiftNIO keeps the first buffer a channel is given for as long as the channel lives, so the first
/// one is small and the channel's own. It keeps no later one, as long as it may read once in a turn
/// only and hears that the next buffer may be larger.
struct SharedInputAllocator: RecvByteBufferAllocator {
    /// Bytes of a channel's own buffer: room for a client's preface and SETTINGS.
    private static let firstBytes = 128

    let loop: LoopContext
    private var hasRead = false

    init(loop: LoopContext) {
        self.loop = loop
    }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        self.hasRead
            ? self.loop.takeInput(allocator) : allocator.buffer(capacity: Self.firstBytes)
    }

    mutating func record(actualReadBytes: Int) -> Bool {
        self.hasRead = true
        return true
    }
}

/// An event loop of SwiftNIO as ``LoopHandle`` sees it.
struct NIOLoopExecutor: LoopExecutor {
    let eventLoop: any EventLoop

    func execute(_ body: @escaping @Sendable () -> Void) {
        self.eventLoop.execute(body)
    }

    func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> LoopTimer {
        let task = self.eventLoop.scheduleTask(in: TimeAmount(delay), body)
        return LoopTimer { task.cancel() }
    }

    var now: Duration { .nanoseconds(Int64(NIODeadline.now().uptimeNanoseconds)) }

    var isCurrent: Bool { self.eventLoop.inEventLoop }
}
