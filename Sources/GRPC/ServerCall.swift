/// One RPC on the server's side: the state of a gRPC call over an HTTP/2 stream, without either.
///
/// The transport feeds it the stream's body and takes the answer from it; a handler sees messages and
/// answers with messages and a status. Confined to the event loop of its connection: every member is
/// to be used there. ``LoopBound`` carries a call over other threads.
///
///     receiving ── reply, fail, finish ──▶ settled ── body taken, trailers sent ──▶ gone
///         └── reset, connection lost, deadline, bad input ──▶ settled ──▶ gone
package final class ServerCall {
    /// ``StreamHandler/drained()`` is called when ``bufferedBytes`` falls below this, having been at
    /// or above it.
    package static let lowWaterMarkBytes = 64 << 10

    /// The event loop the call is confined to.
    package let loop: LoopHandle
    /// Who calls.
    package let peer: Peer
    package let method: ServiceTable.Entry
    package let id: CallID
    /// Request metadata, the authority included.
    package let requestMetadata: Metadata
    /// When the call is over, in nanoseconds of ``LoopHandle/now``; `UInt64.max` for never.
    package let deadline: UInt64
    /// Unary calls: the call is over without our doing, so ``reply(_:)`` would reach nobody.
    package var onEnd: ((Status) -> Void)? {
        get { self.endHandler }
        set { self.endHandler = newValue }
    }
    /// The call has its outcome, whoever gave it; called once.
    package var onSettled: (() -> Void)? {
        get { self.settleHandler }
        set { self.settleHandler = newValue }
    }
    /// False once the call has its outcome: nothing that is sent goes anywhere.
    package var isOpen: Bool { self.hasNoOutcome }
    /// Bytes that were sent by the handler and not yet taken by HTTP/2.
    package var bufferedBytes: Int { self.unreadBytes }
    /// Streaming: whether more should be sent now; if not, ``StreamHandler/drained()`` says when.
    package var hasRoom: Bool { self.hasNoOutcome && self.unreadBytes < Self.lowWaterMarkBytes }
    /// Whether ``deliverDrained()`` has something to say.
    package var isDrained: Bool { self.hasDrained }
    /// Whom the call is answered for: what the layer above has found out, for those it calls.
    package var caller: AnyObject? {
        get { self.knownCaller }
        set { self.knownCaller = newValue }
    }
    /// When the call began, in nanoseconds of its transport's clock; for whoever measures.
    package let startedAt: UInt64
    /// Links of ``DeadlineQueue``.
    @exclusivity(unchecked) var deadlineLinks = DeadlineQueue.Links()

    // What other modules read often is computed from these: a stored property is checked for exclusive
    // access again where another module reads it.
    @exclusivity(unchecked) private var endHandler: ((Status) -> Void)?
    @exclusivity(unchecked) private var settleHandler: (() -> Void)?
    @exclusivity(unchecked) private var knownCaller: AnyObject?
    @exclusivity(unchecked) private var hasNoOutcome = true
    @exclusivity(unchecked) private var unreadBytes = 0
    @exclusivity(unchecked) private var hasDrained = false

    private let messageBytesMax: Int
    @exclusivity(unchecked) private var transport: (any CallTransport)?

    // What arrives.
    @exclusivity(unchecked) private var deframer = MessageDeframer()
    @exclusivity(unchecked) private var handler: (any StreamHandler)?
    @exclusivity(unchecked) private var acceptsInput = true

    // What leaves.
    @exclusivity(unchecked) private var hasHeaders = false
    @exclusivity(unchecked) private var queue = SendQueue()
    @exclusivity(unchecked) private var source: (any MessageSource)?
    @exclusivity(unchecked) private var sourceRemaining = 0
    @exclusivity(unchecked) private var outcome: Status?
    /// Whether the transport was told that there is nothing at hand.
    @exclusivity(unchecked) private var isPending = false
    @exclusivity(unchecked) private var isReading = false
    @exclusivity(unchecked) private var wasAboveLowWater = false

    /// - Parameter messageBytesMax: What one received message may have; more is
    ///   `RESOURCE_EXHAUSTED`.
    package init(
        _ method: ServiceTable.Entry,
        id: CallID,
        loop: LoopHandle,
        peer: Peer,
        metadata: Metadata = .empty,
        deadline: UInt64 = .max,
        startedAt: UInt64 = 0,
        messageBytesMax: Int,
        transport: any CallTransport
    ) {
        self.method = method
        self.id = id
        self.loop = loop
        self.peer = peer
        self.requestMetadata = metadata
        self.deadline = deadline
        self.startedAt = startedAt
        self.messageBytesMax = messageBytesMax
        self.transport = transport
    }

    // MARK: The handler's side

    /// Ends the call, and its connection once the other calls on it have ended.
    package func failWithConnection(_ status: Status) {
        self.finish(status)
        self.transport?.leave(self)
    }

    /// The first value of request metadata `name` (lower case), for example `token` or `hasleader`.
    /// - Complexity: O(bytes of the metadata).
    package func metadata(_ name: String) -> String? {
        self.requestMetadata.value(name)
    }

    /// The host the client meant to reach: `:authority`.
    /// - Complexity: O(bytes of the metadata).
    package var authority: String? { self.requestMetadata.value(":authority") }

    /// Unary: answers with one message and OK.
    package func reply(_ message: FramedMessage) {
        guard self.isOpen else { return }
        self.unreadBytes = message.bytes.count
        self.queue.append(message)
        self.settle(.ok)
        self.deliver()
    }

    /// Unary: answers with one message of `length` bytes, taken from `source` while the client's
    /// window opens, and OK.
    package func reply(length: Int, source: any MessageSource) {
        guard self.isOpen else { return source.cancel() }
        let prefix = FramedMessage(prefixOf: length)
        self.unreadBytes = prefix.bytes.count
        self.queue.append(prefix)
        self.source = source
        self.sourceRemaining = length
        self.settle(.ok)
        self.deliver()
    }

    /// Unary: answers with an error and no message.
    package func fail(_ status: Status) {
        self.finish(status)
    }

    /// Streaming: sends one more message.
    package func send(_ message: FramedMessage) {
        guard self.isOpen else { return }
        self.queue.append(message)
        self.unreadBytes += message.bytes.count
        if self.bufferedBytes >= Self.lowWaterMarkBytes {
            self.wasAboveLowWater = true
        }
        self.transport?.sentMessage(self)
        self.deliver()
    }

    /// Streaming: what was sent is all, and this the outcome.
    package func finish(_ status: Status) {
        guard self.isOpen else { return }
        let transport = self.transport
        self.settle(status)
        if self.hasHeaders {
            self.deliver()
        } else {
            transport?.refuse(self, Refusal(status: status))
        }
    }

    /// The ``MessageSource`` of the reply has bytes again.
    package func resume() {
        guard self.isPending, !self.isReading else {
            // Within `read`, the source gets another turn.
            self.isPending = false
            return
        }
        self.isPending = false
        self.transport?.resume(self)
    }

    /// The ``MessageSource`` of the reply cannot go on.
    ///
    /// Part of the message may have left, and a status cannot follow half a message: the stream ends.
    package func abandonReply() {
        self.transport?.reset(self)
    }

    /// Gives the call its outcome.
    private func settle(_ status: Status) {
        self.hasNoOutcome = false
        self.acceptsInput = false
        self.outcome = status
        self.endHandler = nil
        self.handler = nil
        if let settleHandler {
            self.settleHandler = nil
            settleHandler()
        }
        self.transport?.settled(self, status.code)
        self.deframer.discard()
    }

    /// Makes sure the transport takes what is to be sent.
    private func deliver() {
        if !self.hasHeaders {
            self.hasHeaders = true
            self.transport?.open(self)
        } else if self.isPending, !self.isReading {
            self.isPending = false
            self.transport?.resume(self)
        }
    }

    // MARK: The transport's side

    /// Bytes of an incomplete message that are held; let go of right after
    /// ``CallTransport/settled(_:_:)``.
    package var gatheredBytes: Int { self.deframer.gatheredCount }

    /// Creates the handler of a streaming call.
    package func start() {
        guard case .streaming(let makeHandler) = self.method.method.kind else { return }
        let handler = makeHandler(self)
        if self.isOpen {
            self.handler = handler
        }
    }

    /// Takes a piece of the request's body and hands the messages in it to the handler.
    /// - Complexity: O(`piece.count`).
    package func received(_ piece: UnsafeRawBufferPointer) {
        var rest = piece
        while self.acceptsInput {
            switch self.deframer.next(from: &rest, limit: self.messageBytesMax) {
            case .needsMore: return
            case .message(let bytes): self.handle(bytes)
            case .gathered(let bytes): bytes.withUnsafeBytes { self.handle($0) }
            case .flagged(let flag):
                self.acceptsInput = false
                self.end(Self.badFlag(flag), answering: true)
            case .tooLarge(let length):
                self.acceptsInput = false
                self.end(
                    Status(
                        .resourceExhausted,
                        "grpc: received message larger than max (\(length) vs. "
                            + "\(self.messageBytesMax))"
                    ),
                    answering: true
                )
            }
        }
    }

    private func handle(_ message: UnsafeRawBufferPointer) {
        switch self.method.method.kind {
        case .unary(let handle):
            // As in grpc-go, the first message is the request, and what follows is not looked at.
            self.acceptsInput = false
            handle(message.bytes, self)
        case .streaming:
            self.transport?.receivedMessage(self)
            self.handler?.received(message.bytes)
        }
    }

    /// The client sends no more.
    package func receivedEnd() {
        guard self.acceptsInput else {
            if self.isOpen { self.handler?.halfClosed() }
            return
        }
        self.acceptsInput = false
        switch self.method.method.kind {
        case .unary:
            self.finish(
                Status(.unknown, self.deframer.isInsideMessage ? "unexpected EOF" : "EOF")
            )
        case .streaming:
            if self.deframer.isInsideMessage {
                self.end(Status(.internal, "unexpected EOF"), answering: true)
            } else {
                self.handler?.halfClosed()
            }
        }
    }

    /// Ends the call for a reason that is not the handler's, and tells it.
    /// - Parameter answering: Whether the client can still be told the status.
    package func end(_ reason: Status, answering: Bool) {
        let handler = self.handler
        let onEnd = self.endHandler
        if self.isOpen {
            if answering {
                self.finish(reason)
            } else {
                self.settle(reason)
            }
            handler?.ended(reason)
            onEnd?(reason)
        }
        if !answering {
            self.release()
        }
    }

    /// The server stops: lets the handler of a stream end it, else ends it with `status`.
    package func stop(_ status: Status) {
        self.handler?.stopping()
        self.end(status, answering: true)
    }

    /// The stream is gone, and with it whatever has not been sent.
    private func release() {
        self.queue = SendQueue()
        self.unreadBytes = 0
        self.transport = nil
        if let source = self.source {
            self.source = nil
            source.cancel()
        }
    }

    /// Writes the next bytes of the response's body into `buffer`.
    /// - Complexity: O(bytes written).
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> CallRead {
        var count = self.queue.read(into: buffer)
        self.unreadBytes -= count
        if self.source != nil, self.queue.isEmpty {
            count += self.readSource(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
            )
        }
        if self.wasAboveLowWater, self.bufferedBytes < Self.lowWaterMarkBytes {
            self.wasAboveLowWater = false
            self.hasDrained = true
        }
        if let outcome, self.source == nil, self.queue.isEmpty {
            return .last(count, outcome)
        }
        guard count == 0 else { return .bytes(count) }
        self.isPending = true
        return .pending
    }

    /// Whether the next ``read(into:)`` would find nothing. If so, it has been made: the call asks to be
    /// resumed as after ``CallRead/pending``.
    package func pausesHere() -> Bool {
        guard self.source == nil, self.outcome == nil, self.queue.isEmpty else {
            return false
        }
        self.isPending = true
        return true
    }

    /// Tells the handler that there is room again.
    package func deliverDrained() {
        guard self.isDrained else { return }
        self.hasDrained = false
        self.handler?.drained()
    }

    private func readSource(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        self.isReading = true
        defer { self.isReading = false }
        var count = 0
        while let source = self.source, count < buffer.count {
            let room = min(buffer.count - count, self.sourceRemaining)
            // A source that calls `resume` while it is read sets this to false, and is read again.
            self.isPending = true
            let part =
                room == 0
                ? 0
                : source.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[count..<count + room])
                )
            precondition(part >= 0 && part <= room, "a source writes no more than it is given")
            count += part
            self.sourceRemaining -= part
            if self.sourceRemaining == 0 {
                self.source = nil
            } else if part == 0, self.isPending {
                break
            }
        }
        self.isPending = false
        return count
    }

    // MARK: Texts of grpc-go

    static func noDecompressor(_ encoding: String) -> Status {
        Status(
            .unimplemented,
            "grpc: Decompressor is not installed for grpc-encoding \(quoted(encoding.utf8))"
        )
    }

    private static func badFlag(_ flag: UInt8) -> Status {
        flag == 1
            ? Status(.internal, "grpc: compressed flag set with identity or empty encoding")
            : Status(.internal, "grpc: received unexpected payload format \(flag)")
    }
}
