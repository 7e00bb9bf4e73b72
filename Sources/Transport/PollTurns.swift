import Glibc
import NIOCore
import NIOPosix

/// Lets a loop look at its sockets before it goes on with something.
///
/// SwiftNIO's loop runs tasks, and those that they add, until there are none, and only then polls: a task
/// that adds itself again keeps the loop from all its sockets. A byte in a pipe of the loop's own is
/// found by the next poll instead, together with everything else that is ready.
final class PollTurns: @unchecked Sendable {
    // Sendable: confined to its loop once it is open.
    @exclusivity(unchecked) private var writer: CInt = -1
    @exclusivity(unchecked) private var turn: () -> Void = {}
    @exclusivity(unchecked) private var isAsked = false

    /// Opens the pipe, and has `loop` watch it for as long as it runs.
    /// - Parameter turn: what runs, on the loop, once after each ``ask()`` and the poll that follows it.
    /// - Throws: ``TransportError/cannotStart(reason:)`` when the process has no descriptors left.
    func open(
        on loop: any EventLoop,
        turn: @escaping @Sendable () -> Void
    ) async throws(TransportError) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw .cannotStart(reason: "pipe: " + String(cString: strerror(errno)))
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        self.writer = ends[1]
        self.turn = turn
        do {
            _ = try await NIOPipeBootstrap(group: loop)
                .channelOption(.maxMessagesPerRead, value: 1)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 1))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(PollTurnHandler(self))
                    }
                }
                .takingOwnershipOfDescriptor(input: ends[0])
                .get()
        } catch {
            self.close()
            throw .cannotStart(reason: "pipe: \(error)")
        }
    }

    /// Has the turn run after the next poll, once however often it is asked for until then.
    func ask() {
        guard !self.isAsked, self.writer >= 0 else { return }
        self.isAsked = true
        // The pipe has room: it never holds more than this byte.
        _ = write(self.writer, [0], 1)
    }

    fileprivate func polled() {
        self.isAsked = false
        self.turn()
    }

    fileprivate func close() {
        guard self.writer >= 0 else { return }
        _ = Glibc.close(self.writer)
        self.writer = -1
        // It holds the loop's context, and that this.
        self.turn = {}
    }
}

/// Hears of the byte in the pipe.
private final class PollTurnHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let turns: PollTurns

    init(_ turns: PollTurns) { self.turns = turns }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { self.turns.polled() }

    /// The loop ends, and with it the channel.
    func handlerRemoved(context: ChannelHandlerContext) { self.turns.close() }
}
