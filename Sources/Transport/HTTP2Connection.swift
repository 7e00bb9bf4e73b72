import GRPC
import HTTP2
import NIOCore

/// One HTTP/2 connection of the server: feeds its session, turns requests into calls, and writes
/// what the session has ready while the socket takes it.
///
/// Confined to its loop.
final class HTTP2Connection {
    private let loop: LoopContext
    private let server: ServerCore
    private let peer: Peer
    /// Whether requests that are not gRPC go to the HTTP handler.
    private let servesHTTP: Bool
    private let session: Session
    /// Our place in the channel; nil once the connection is closed.
    @exclusivity(unchecked) private var context: ChannelHandlerContext?

    /// Open calls, by the slot of their stream.
    @exclusivity(unchecked) private var calls: [ServerCall?] = []
    /// Requests that are not gRPC, by the slot of their stream.
    @exclusivity(unchecked) private var exchanges: [Int: HTTP2Exchange] = [:]
    /// The head of the last request, and what came of it: the next one's is mostly the same.
    private let lastHead: KeptFields
    @exclusivity(unchecked) private var lastCall: (entry: ServiceTable.Entry, timeout: UInt64)?
    @exclusivity(unchecked) private var lastMetadata = Metadata.empty
    /// Calls that have to hear that there is room again.
    @exclusivity(unchecked) private var drained: [ServerCall] = []
    /// Calls with a deadline that were opened by the input at hand.
    @exclusivity(unchecked) private var timed: [ServerCall] = []
    /// Bytes of incomplete messages that calls hold.
    @exclusivity(unchecked) private var gatheredBytes = 0
    /// The call that is being fed; what it holds is counted when it has been.
    @exclusivity(unchecked) private var receiving: ServerCall?
    /// Bytes of settled calls that have not left.
    @exclusivity(unchecked) private var unsentBytes = 0

    @exclusivity(unchecked) private var pings: PingPolicy
    /// When input last arrived, in nanoseconds of the loop's clock.
    @exclusivity(unchecked) private var receivedAt: UInt64 = 0
    /// When a call was last begun or open.
    @exclusivity(unchecked) private var calledAt: UInt64
    @exclusivity(unchecked) private var pingedAt: Duration?
    @exclusivity(unchecked) private var stoppingSince: Duration?
    @exclusivity(unchecked) private var wentAway = false
    /// When this side said that it sends no more.
    @exclusivity(unchecked) private var finishedAt: Duration?

    /// Whether input or output is being worked on, at whose end output is flushed anyway.
    @exclusivity(unchecked) private var isBusy = false
    @exclusivity(unchecked) private var willFlush = false
    /// When an answer was last too long for one turn, in nanoseconds.
    @exclusivity(unchecked) private var tookTurnAt: UInt64 = 0
    /// Whether the loop has it among those that wait for their turn: once, however often what arrives
    /// has it flushed meanwhile.
    @exclusivity(unchecked) private var awaitsTurn = false

    init(_ loop: LoopContext, peer: Peer, servesHTTP: Bool, context: ChannelHandlerContext) {
        self.loop = loop
        self.server = loop.server
        self.peer = peer
        self.servesHTTP = servesHTTP
        self.context = context
        self.pings = PingPolicy(loop.server.configuration.keepalive)
        self.calledAt = loop.now
        self.lastHead = KeptFields(loop.buffers)
        self.session = Session(
            role: .server,
            limits: loop.server.configuration.limits.session,
            buffers: loop.buffers
        )
    }

    // MARK: Input

    /// Takes bytes that arrived.
    ///
    /// Answers leave with the next ``flush()``.
    func receive(_ input: ByteBuffer, now: UInt64) {
        guard self.finishedAt == nil else { return }
        self.receivedAt = now
        self.isBusy = true
        input.withUnsafeReadableBytes { bytes in
            do throws(HTTP2Error) {
                try self.session.feed(bytes, now: now / 1_000_000)
            } catch {
                // The session has said what it could in a GOAWAY; the rest of the input is lost.
                self.isBroken = true
            }
            self.handleEvents(bytes)
        }
        self.isBusy = false
    }

    /// Whether the connection is to be closed once its output has left.
    @exclusivity(unchecked) private var isBroken = false

    private func handleEvents(_ input: UnsafeRawBufferPointer) {
        var index = 0
        let buffers = self.loop.buffers
        while index < buffers.eventCount {
            let event = buffers.event(at: index)
            index += 1
            switch event {
            case .headers(let stream, let fields):
                self.calledAt = self.receivedAt
                self.receivedHead(stream, fields)
            case .data(let stream, let range):
                self.receivedBody(
                    stream,
                    UnsafeRawBufferPointer(rebasing: input[range])
                )
            case .halfClosed(let stream):
                if let call = self.call(stream) {
                    call.receivedEnd()
                } else if let exchange = self.exchanges[stream.slot] {
                    self.respond(to: exchange)
                }
            case .finishedEarly(let stream):
                self.session.reset(stream, .noError)
            case .closed(let stream, let code):
                self.closed(stream, code)
            case .ping:
                self.receivedPing()
            case .pong:
                if self.stoppingSince != nil { self.goAway() }
            case .goAway:
                break
            }
        }
        buffers.clear()
        self.setDeadlines()
    }

    /// Watches over the calls that were opened and not answered at once.
    private func setDeadlines() {
        guard !self.timed.isEmpty else { return }
        for call in self.timed where call.isOpen {
            self.loop.setDeadline(call)
        }
        self.timed.removeAll(keepingCapacity: true)
    }

    private func call(_ stream: StreamRef) -> ServerCall? {
        stream.slot < self.calls.count ? self.calls[stream.slot] : nil
    }

    private func receivedHead(_ stream: StreamRef, _ fields: Range<Int>) {
        guard self.call(stream) == nil, self.exchanges[stream.slot] == nil else {
            return  // Trailers; gRPC clients send none, and nothing here looks at them.
        }
        switch self.admission(of: fields) {
        case .call(let entry, let timeout): self.open(entry, stream, timeout: timeout)
        case .refusal(let refusal):
            if self.servesHTTP, refusal.httpStatus == 415, self.server.configuration.http != nil {
                self.exchanges[stream.slot] = HTTP2Exchange(
                    stream,
                    self.loop.buffers,
                    fields,
                    peer: self.peer
                )
            } else {
                self.loop.counters.add(1, to: .requestsRefused)
                self.session.respondHeadersOnly(stream, Answer.refusal(refusal))
            }
        }
    }

    /// Decides about a request. What its head says as the last one's did is not looked at again.
    private func admission(of range: Range<Int>) -> Admission {
        let changed = self.lastHead.change(to: range)
        if changed.isEmpty, let (entry, timeout) = self.lastCall {
            return .call(entry, timeoutNanoseconds: timeout)
        }
        var head = RequestHead()
        let fields = self.loop.buffers.fields[range]
        for field in fields {
            switch field.name {
            case .method: head.httpMethod = field.value
            case .path: head.path = field.value
            case .contentType: head.contentType = field.value
            case .grpcTimeout: head.timeout = field.value
            case .grpcEncoding: head.encoding = field.value
            default: break
            }
        }
        if !changed.isDisjoint(with: [.authority, .other]) { self.takeMetadata(fields) }
        let admission = Admission(head, self.server.table)
        self.lastCall = nil
        if case .call(let entry, let timeout) = admission { self.lastCall = (entry, timeout) }
        return admission
    }

    private func takeMetadata(_ fields: ArraySlice<HeaderField>) {
        self.loop.metadata.clear()
        for field in fields {
            switch field.name {
            case .authority: self.loop.metadata.append(name: ":authority", value: field.value)
            case .other: self.loop.metadata.append(name: field.nameBytes, value: field.value)
            default: break
            }
        }
        if !self.lastMetadata.matches(self.loop.metadata) {
            self.lastMetadata = Metadata(self.loop.metadata)
        }
    }

    private func open(_ entry: ServiceTable.Entry, _ stream: StreamRef, timeout: UInt64) {
        let limits = self.server.configuration.limits
        guard self.unsentBytes < limits.unsentBytesMax else {
            self.loop.counters.add(1, to: .requestsRefused)
            self.session.respondHeadersOnly(
                stream,
                Answer.refusal(Refusal(status: Self.tooMuchUnsent))
            )
            return
        }
        var deadline = UInt64.max
        if timeout < .max {
            let (sum, overflow) = self.receivedAt.addingReportingOverflow(timeout)
            deadline = overflow ? .max : sum
        }
        let call = ServerCall(
            entry,
            id: CallID(stream: stream.id, slot: stream.slot),
            loop: self.loop.handle,
            peer: self.peer,
            metadata: self.lastMetadata,
            deadline: deadline,
            startedAt: self.receivedAt,
            messageBytesMax: limits.messageBytesMax,
            transport: self
        )
        while self.calls.count <= stream.slot { self.calls.append(nil) }
        self.calls[stream.slot] = call
        if self.receivedAt > self.tookTurnAt &+ Limits.longAnswersFor {
            self.server.asked(at: self.receivedAt)
        }
        self.loop.counters.started(method: entry.index)
        guard timeout > 0 else {
            return call.end(
                Status(.deadlineExceeded, "context deadline exceeded"),
                answering: true
            )
        }
        if timeout < .max {
            self.timed.append(call)
        }
        if case .streaming = entry.method.kind {
            call.start()
        }
    }

    private static let tooMuchUnsent = Status(
        .unavailable,
        "too many answers wait for this client to read them"
    )

    private func receivedBody(_ stream: StreamRef, _ piece: UnsafeRawBufferPointer) {
        self.session.consume(stream, piece.count)
        guard let call = self.call(stream) else {
            self.exchanges[stream.slot]?.append(
                piece,
                limit: self.server.configuration.limits.http1BodyBytesMax
            )
            return
        }
        let limits = self.server.configuration.limits
        if self.unsentBytes >= limits.unsentBytesMax, case .unary = call.method.method.kind {
            return call.end(Self.tooMuchUnsent, answering: true)
        }
        self.gatheredBytes -= call.gatheredBytes
        self.receiving = call
        call.received(piece)
        self.receiving = nil
        self.gatheredBytes += call.gatheredBytes
        if self.gatheredBytes > limits.gatheredBytesMax {
            call.end(
                Status(.resourceExhausted, "too many incomplete messages on this connection"),
                answering: true
            )
        }
    }

    private func closed(_ stream: StreamRef, _ code: ErrorCode) {
        if self.exchanges.removeValue(forKey: stream.slot) != nil { return }
        guard let call = self.call(stream), call.id.stream == stream.id else { return }
        self.calls[stream.slot] = nil
        // If it is still open, `settled` counts them first.
        let unsent = call.bufferedBytes
        call.end(Status(.canceled, "context canceled"), answering: false)
        self.unsentBytes -= unsent
    }

    private var sawActivity: Duration { .nanoseconds(Int64(self.receivedAt)) }

    private func receivedPing() {
        let now = self.sawActivity
        let sentMessage = self.session.sentMessage
        self.session.sentMessage = false
        if self.pings.isExceeded(
            by: now,
            streams: self.session.streamCount,
            sentMessage: sentMessage
        ) {
            self.session.terminate(.enhanceYourCalm, debug: "too_many_pings")
        }
    }

    // MARK: Output

    /// Writes what is ready, as long as the socket takes it.
    func flush() {
        // Its turn comes; until then what arrives must not take it another.
        guard !self.awaitsTurn else { return }
        self.willFlush = false
        guard !self.isBusy, self.finishedAt == nil else { return }
        self.isBusy = true
        defer { self.isBusy = false }
        var writes = 0
        while let context, self.session.wantsWrite, context.channel.isWritable {
            guard writes < Limits.writesInTurn else {
                self.flushAfterPoll()
                break
            }
            var count = 0
            self.loop.output.clear(minimumCapacity: Limits.writeBytes)
            do {
                count = try self.loop.output.writeWithUnsafeMutableBytes(
                    minimumWritableBytes: Limits.writeBytes
                ) { try self.session.pull(into: $0, from: self) }
            } catch {
                self.isBroken = true
            }
            self.handleEvents(UnsafeRawBufferPointer(start: nil, count: 0))
            guard count > 0 else { break }
            writes += 1
            self.loop.counters.add(count, to: .bytesOut)
            context.writeAndFlush(NIOAny(self.loop.output), promise: nil)
        }
        self.deliverDrained()
        if self.isBroken || self.session.isFinished {
            self.finish()
        }
    }

    /// Says that no more will come, and waits a moment for the peer to hang up.
    ///
    /// Closing at once could make the peer's system throw away our last words, if it has sent bytes
    /// that nobody reads.
    private func finish() {
        guard self.finishedAt == nil, let context, context.channel.isWritable else { return }
        self.finishedAt = .nanoseconds(Int64(self.loop.now))
        context.close(mode: .output, promise: nil)
    }

    private func flushSoon() {
        guard !self.willFlush, !self.awaitsTurn, self.context != nil else { return }
        self.willFlush = true
        self.loop.flushSoon(self)
    }

    /// Has the rest flushed when other connections had their turn.
    private func flushAfterPoll() {
        guard !self.awaitsTurn, self.context != nil else { return }
        self.awaitsTurn = true
        self.tookTurnAt = self.loop.now
        self.loop.flushAfterPoll(self)
    }

    /// Goes on with what had to wait for its turn.
    func takeTurn() {
        self.awaitsTurn = false
        self.flush()
    }

    private func deliverDrained() {
        guard !self.drained.isEmpty else { return }
        var calls: [ServerCall] = []
        swap(&calls, &self.drained)
        for call in calls {
            call.deliverDrained()
        }
        if self.session.wantsWrite { self.flushAfterPoll() }
    }

    // MARK: Life

    /// The channel is gone: every call hears of it.
    func channelClosed() {
        guard self.context != nil else { return }
        self.context = nil
        self.exchanges = [:]
        var calls: [ServerCall?] = []
        swap(&calls, &self.calls)
        for call in calls {
            call?.end(Status(.canceled, "context canceled"), answering: false)
        }
    }

    /// Refuses new streams, and asks open ones to end.
    func stop(now: UInt64) {
        guard self.stoppingSince == nil else { return }
        self.stoppingSince = .nanoseconds(Int64(now))
        self.session.announceShutdown()
        self.session.ping()
        for call in self.calls {
            guard let call, case .streaming = call.method.method.kind else { continue }
            call.stop(self.server.configuration.stopStatus)
        }
        self.flushSoon()
    }

    /// Ends the streams whose client may no longer have them.
    func review(_ review: any CallReview) {
        for call in self.calls {
            guard let call, call.isOpen, case .streaming = call.method.method.kind,
                let status = review.verdict(on: call)
            else { continue }
            call.end(status, answering: true)
        }
        self.flushSoon()
    }

    private func goAway() {
        guard !self.wentAway else { return }
        self.wentAway = true
        self.session.goAway()
        self.flushSoon()
    }

    /// Pings a silent peer, and gives up one that does not answer.
    func checkTimeouts(now: UInt64) {
        let keepalive = self.server.configuration.keepalive
        let uptime = now
        let now = Duration.nanoseconds(Int64(uptime))
        if let finishedAt {
            if now - finishedAt > Limits.linger { self.context?.close(promise: nil) }
            return
        }
        if let stoppingSince, now - stoppingSince > .seconds(1) {
            self.goAway()  // The peer did not answer our ping; it has had time to hear the notice.
        }
        if self.session.streamCount > 0 {
            self.calledAt = uptime
        } else if now - .nanoseconds(Int64(self.calledAt))
            > self.server.configuration.limits.http2Idle
        {
            self.stop(now: uptime)
        }
        if let pingedAt = self.pingedAt {
            if self.sawActivity > pingedAt {
                self.pingedAt = nil
            } else if now - pingedAt > keepalive.timeout {
                self.context?.close(promise: nil)
            }
        } else if now - self.sawActivity > keepalive.interval {
            self.pingedAt = now
            self.session.ping()
            self.flushSoon()
        }
    }
}

extension HTTP2Connection: SessionBodies {
    func read(_ stream: StreamRef, into buffer: UnsafeMutableRawBufferPointer) -> BodyRead {
        guard let call = self.call(stream) else {
            guard let exchange = self.exchanges[stream.slot] else { return .last(0, trailers: nil) }
            return exchange.read(into: buffer)
        }
        let wasSettled = !call.isOpen
        let before = call.bufferedBytes
        let read = call.read(into: buffer)
        if wasSettled {
            self.unsentBytes -= before - call.bufferedBytes
        }
        if call.isDrained {
            self.drained.append(call)
        }
        switch read {
        case .pending: return .pending
        case .bytes(let count): return call.pausesHere() ? .all(count) : .bytes(count)
        case .last(let count, let status):
            return .last(count, trailers: Answer.trailers(status))
        }
    }
}

extension HTTP2Connection: CallTransport {
    func open(_ call: ServerCall) {
        self.session.respond(call.id.ref, Answer.headers)
        if !self.isBusy { self.flushSoon() }
    }

    func refuse(_ call: ServerCall, _ refusal: Refusal) {
        self.session.respondHeadersOnly(call.id.ref, Answer.refusal(refusal))
        if !self.isBusy { self.flushSoon() }
    }

    func resume(_ call: ServerCall) {
        self.session.resume(call.id.ref)
        if !self.isBusy { self.flushSoon() }
    }

    func reset(_ call: ServerCall) {
        // gRPC clients take this code as `Unavailable`.
        self.session.reset(call.id.ref, .refusedStream)
        if !self.isBusy { self.flushSoon() }
    }

    func leave(_ call: ServerCall) {
        self.stop(now: self.loop.now)
    }

    func receivedMessage(_ call: ServerCall) {
        self.loop.counters.received(method: call.method.index)
    }

    func sentMessage(_ call: ServerCall) {
        self.loop.counters.sent(method: call.method.index)
    }

    func settled(_ call: ServerCall, _ code: Status.Code) {
        if call !== self.receiving {
            self.gatheredBytes -= call.gatheredBytes
        }
        self.unsentBytes += call.bufferedBytes
        self.loop.clearDeadline(call)
        self.loop.counters.handled(
            method: call.method.index,
            code: code.rawValue,
            nanoseconds: self.loop.now - call.startedAt
        )
    }
}

// MARK: Plain HTTP over HTTP/2

extension HTTP2Connection {
    private func respond(to exchange: HTTP2Exchange) {
        guard let handler = self.server.configuration.http else { return }
        guard !exchange.isTooLarge else {
            return self.send(HTTPResponse(status: 413), exchange)
        }
        let request = exchange.request
        let bound = LoopBound((self, exchange), loop: self.loop.handle)
        Task {
            let response = await handler.respond(to: request)
            bound.loop.execute {
                let (connection, exchange) = bound.value
                connection.send(response, exchange)
            }
        }
    }

    private func send(_ response: HTTPResponse, _ exchange: HTTP2Exchange) {
        guard self.exchanges[exchange.stream.slot] === exchange else { return }
        exchange.setBody(response.body)
        self.session.respond(exchange.stream, Answer.http(response))
        if !self.isBusy { self.flushSoon() }
    }
}

extension CallID {
    var ref: StreamRef { StreamRef(id: self.stream, slot: self.slot) }
}
