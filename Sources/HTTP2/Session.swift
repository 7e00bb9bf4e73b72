import CNGHTTP2
import Glibc

/// Which end of a connection a session is.
package enum SessionRole: Hashable, Sendable {
    case server
    case client
}

/// A piece of a body that is being sent.
package enum BodyRead {
    /// Nothing is at hand; ``Session/resume(_:)`` is called once there is.
    case pending
    /// So many bytes were written, and more may follow.
    case bytes(Int)
    /// So many bytes were written, and nothing more is at hand, as after ``pending``; saying so at
    /// once saves a second look at each piece of a body that comes piece by piece.
    case all(Int)
    /// So many bytes were written, and they are the last; then come these trailers, if any.
    case last(Int, trailers: HeaderList?)
}

/// Where a session gets the bodies it sends.
package protocol SessionBodies: AnyObject {
    /// Writes the next bytes of a stream's body. Called during ``Session/pull(into:from:)``; must not
    /// call the session.
    func read(_ stream: StreamRef, into buffer: UnsafeMutableRawBufferPointer) -> BodyRead
}

/// One HTTP/2 connection without its socket: bytes in, events out; requests in, bytes out.
///
/// The session never calls its driver except for bodies. `feed` records what arrived in
/// ``buffers``; the driver acts on it after `feed` has returned, and then pulls what is to be
/// written with `pull`, which may record more (closed streams above all). It does no I/O and reads
/// no clock. Confined to one thread at a time.
package final class Session {
    /// The most a frame takes in the output, its header included.
    package static let frameBytesMax = 16 << 10 + 256

    package let role: SessionRole
    /// What was recorded since the last ``SessionBuffers/clear()``.
    package let buffers: SessionBuffers
    /// Whether a HEADERS or DATA frame has left since this was last set to false.
    @exclusivity(unchecked) package var sentMessage = false
    /// Streams that are open.
    @exclusivity(unchecked) package private(set) var streamCount = 0

    let limits: SessionLimits
    @exclusivity(unchecked) private var handle: OpaquePointer?
    @exclusivity(unchecked) private var input: UnsafeRawPointer?
    @exclusivity(unchecked) private var freeSlots: [Int] = []

    // The header block that is being received.
    @exclusivity(unchecked) var blockStream: Int32 = 0
    @exclusivity(unchecked) var blockStart = 0
    @exclusivity(unchecked) var blockBytes = 0
    @exclusivity(unchecked) private var held: [HeaderField]?

    // The output of the `pull` that is running.
    @exclusivity(unchecked) var output = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    @exclusivity(unchecked) var written = 0
    @exclusivity(unchecked) unowned(unsafe) var bodies: (any SessionBodies)?

    @exclusivity(unchecked) private var resets: FrameBudget
    @exclusivity(unchecked) private var settings: FrameBudget
    @exclusivity(unchecked) private var idleFrames: FrameBudget
    @exclusivity(unchecked) private var now: UInt64 = 0
    @exclusivity(unchecked) private var isTerminated = false
    /// Whether our SETTINGS have still to leave, with a limit on streams to put in.
    @exclusivity(unchecked) private var hasStreamsToAnnounce = false

    /// Starts a session: its SETTINGS are ready to be pulled.
    package init(role: SessionRole, limits: SessionLimits, buffers: SessionBuffers) {
        self.role = role
        self.limits = limits
        self.buffers = buffers
        self.resets = FrameBudget(burst: limits.resetsBurst)
        self.settings = FrameBudget(burst: limits.settingsBurst)
        self.idleFrames = FrameBudget(burst: limits.idleFramesBurst)
        self.handle = Library.makeSession(
            role,
            limits,
            memory: buffers.pool.functions,
            userData: Unmanaged.passUnretained(self).toOpaque()
        )
        self.announce()
    }

    deinit {
        for field in self.held ?? [] { field.release() }
        nghttp2_session_del(self.handle)
    }

    private func announce() {
        var settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
                value: UInt32(self.limits.streamWindowBytes)
            ),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(self.limits.headerListBytesMax)
            ),
        ]
        switch self.role {
        case .server:
            if self.limits.streamsAnnounced < .max {
                // nghttp2 would end a connection that goes beyond; the peer is to have the one stream
                // refused instead, which `beganHeaders` does. So nghttp2 is told of no limit, and what
                // the peer reads is put in by `announceStreams`. Last, where that finds it.
                settings.append(
                    nghttp2_settings_entry(
                        settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                        value: .max
                    )
                )
                self.hasStreamsToAnnounce = true
            }
        case .client:
            settings.append(
                nghttp2_settings_entry(
                    settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue),
                    value: 0
                )
            )
        }
        nghttp2_submit_settings(self.handle, 0, settings, settings.count)
        nghttp2_session_set_local_window_size(
            self.handle,
            0,
            0,
            self.limits.connectionWindowBytes
        )
    }

    // MARK: Input

    /// Takes what arrived on the connection and records what it means.
    ///
    /// Event ranges refer to `input`, so it must stay as it is until the events are acted on.
    /// - Parameter now: Milliseconds of a clock that never goes back; it refills frame budgets.
    /// - Throws: when the connection is beyond saving. A violation that HTTP/2 answers with GOAWAY does
    ///   not throw: pull the output, then see ``isFinished``.
    /// - Complexity: O(`input.count`).
    package func feed(_ input: UnsafeRawBufferPointer, now: UInt64) throws(HTTP2Error) {
        guard let start = input.baseAddress, !input.isEmpty, !self.isTerminated else { return }
        self.now = now
        self.input = start
        if let held = self.held {
            self.buffers.restore(held)
            self.held = nil
            self.blockStart = 0
        }
        let result = nghttp2_session_mem_recv(
            self.handle,
            start.assumingMemoryBound(to: UInt8.self),
            input.count
        )
        self.input = nil
        if self.blockStream != 0 {
            self.held = self.buffers.hold(from: self.blockStart)
        }
        guard result < 0 else { return }
        switch nghttp2_error(rawValue: Int32(truncatingIfNeeded: result)) {
        case NGHTTP2_ERR_BAD_CLIENT_MAGIC: throw .badPreface
        case NGHTTP2_ERR_FLOODED:
            self.terminate(.enhanceYourCalm)
            throw .flooded
        default: throw .library(code: result)
        }
    }

    /// Gives back flow-control credit for `count` bytes of a stream's body.
    package func consume(_ stream: StreamRef, _ count: Int) {
        nghttp2_session_consume(self.handle, stream.id, count)
    }

    /// Gives back the connection's credit only: the stream is not to send more.
    package func consumeConnection(_ count: Int) {
        nghttp2_session_consume_connection(self.handle, count)
    }

    // MARK: Output

    /// Queues response headers; the body is asked for while output is pulled.
    package func respond(_ stream: StreamRef, _ headers: HeaderList) {
        var provider = self.provider(of: stream.slot)
        nghttp2_submit_response(
            self.handle,
            stream.id,
            headers.fields.baseAddress,
            headers.fields.count,
            &provider
        )
    }

    /// Queues response headers that are the whole response.
    package func respondHeadersOnly(_ stream: StreamRef, _ headers: HeaderList) {
        nghttp2_submit_response(
            self.handle,
            stream.id,
            headers.fields.baseAddress,
            headers.fields.count,
            nil
        )
    }

    /// Opens a stream with a request whose body is asked for while output is pulled.
    /// - Returns: nil when the session takes no more requests.
    package func request(_ headers: HeaderList) -> StreamRef? {
        guard nghttp2_session_check_request_allowed(self.handle) != 0 else { return nil }
        let slot = self.takeSlot()
        let place = UnsafeMutableRawPointer(bitPattern: slot + 1)
        var provider = self.provider(of: slot)
        let id = nghttp2_submit_request(
            self.handle,
            nil,
            headers.fields.baseAddress,
            headers.fields.count,
            &provider,
            place
        )
        guard id > 0 else {
            self.freeSlots.append(slot)
            self.streamCount -= 1
            return nil
        }
        return StreamRef(id: id, slot: slot)
    }

    /// Asks for the stream's body again after ``BodyRead/pending`` or ``BodyRead/all(_:)``.
    package func resume(_ stream: StreamRef) {
        guard nghttp2_session_resume_data(self.handle, stream.id) != 0 else { return }
        // For nghttp2 the body has ended, without ending the stream; what follows is another one.
        var provider = self.provider(of: stream.slot)
        nghttp2_submit_data(
            self.handle,
            UInt8(NGHTTP2_FLAG_END_STREAM.rawValue),
            stream.id,
            &provider
        )
    }

    private func provider(of slot: Int) -> nghttp2_data_provider {
        var provider = nghttp2_data_provider()
        provider.source.ptr = UnsafeMutableRawPointer(bitPattern: slot + 1)
        provider.read_callback = Library.readBody
        return provider
    }

    /// Ends a stream with RST_STREAM.
    package func reset(_ stream: StreamRef, _ code: ErrorCode) {
        nghttp2_submit_rst_stream(self.handle, 0, stream.id, code.rawValue)
    }

    /// Queues a PING.
    package func ping() {
        nghttp2_submit_ping(self.handle, 0, nil)
    }

    /// Announces that no new stream will be served, in a way that loses none on its way here.
    ///
    /// Call ``goAway()`` a round trip later.
    package func announceShutdown() {
        nghttp2_submit_shutdown_notice(self.handle)
    }

    /// Refuses new streams; those that are open go on.
    package func goAway() {
        nghttp2_submit_goaway(
            self.handle,
            0,
            nghttp2_session_get_last_proc_stream_id(self.handle),
            ErrorCode.noError.rawValue,
            nil,
            0
        )
    }

    /// Ends the connection: GOAWAY is the last thing to be pulled.
    package func terminate(_ code: ErrorCode, debug: StaticString = "") {
        guard !self.isTerminated else { return }
        self.isTerminated = true
        guard debug.utf8CodeUnitCount == 0 else {
            // nghttp2's own termination would say GOAWAY again, without the text.
            nghttp2_submit_goaway(
                self.handle,
                0,
                nghttp2_session_get_last_proc_stream_id(self.handle),
                code.rawValue,
                debug.utf8Start,
                debug.utf8CodeUnitCount
            )
            return
        }
        nghttp2_session_terminate_session(self.handle, code.rawValue)
    }

    /// Writes frames that are ready into `buffer`, as many as fit whole.
    ///
    /// - Precondition: `buffer` holds ``frameBytesMax`` twice.
    /// - Returns: the bytes written; 0 when nothing is ready.
    /// - Complexity: O(bytes written).
    package func pull(
        into buffer: UnsafeMutableRawBufferPointer,
        from bodies: some SessionBodies
    ) throws(HTTP2Error) -> Int {
        precondition(buffer.count >= 2 * Self.frameBytesMax, "a frame must fit")
        self.output = buffer
        self.written = 0
        self.bodies = bodies
        defer {
            self.output = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            self.bodies = nil
        }
        while self.hasRoom {
            var frame: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(self.handle, &frame)
            guard count >= 0 else { throw .library(code: count) }
            guard count > 0, let frame, let start = buffer.baseAddress else { break }
            memcpy(start + self.written, frame, count)
            if self.hasStreamsToAnnounce {
                self.announceStreams(
                    in: UnsafeMutableRawBufferPointer(start: start + self.written, count: count)
                )
            }
            self.written += count
        }
        return self.written
    }

    /// Writes the limit on streams into our SETTINGS, the first frame that leaves: its last four bytes.
    private func announceStreams(in settings: UnsafeMutableRawBufferPointer) {
        self.hasStreamsToAnnounce = false
        settings.storeBytes(
            of: self.limits.streamsAnnounced.bigEndian,
            toByteOffset: settings.count - 4,
            as: UInt32.self
        )
    }

    /// Whether one more frame surely fits into the output.
    var hasRoom: Bool { self.output.count - self.written >= Self.frameBytesMax }

    /// Whether there is nothing left to receive or to send: the connection may be closed.
    package var isFinished: Bool {
        // A terminated session reads nothing more, whatever nghttp2 would like.
        (self.isTerminated || nghttp2_session_want_read(self.handle) == 0)
            && nghttp2_session_want_write(self.handle) == 0
    }

    /// Whether something is ready to be pulled.
    package var wantsWrite: Bool { nghttp2_session_want_write(self.handle) != 0 }
}

// MARK: What the callbacks record

extension Session {
    func beganHeaders(_ id: Int32, opensStream: Bool) -> Bool {
        self.blockStream = id
        self.blockStart = self.buffers.fieldCount
        self.blockBytes = 0
        guard opensStream else { return true }
        guard self.streamCount < self.limits.streamsMax else {
            nghttp2_submit_rst_stream(self.handle, 0, id, ErrorCode.refusedStream.rawValue)
            self.blockStream = 0
            return false
        }
        nghttp2_session_set_stream_user_data(
            self.handle,
            id,
            UnsafeMutableRawPointer(bitPattern: self.takeSlot() + 1)
        )
        return true
    }

    func header(_ field: HeaderField) -> Bool {
        self.blockBytes += Int(field.size)
        guard self.blockBytes <= self.limits.headerListBytesMax else {
            nghttp2_submit_rst_stream(
                self.handle,
                0,
                self.blockStream,
                ErrorCode.enhanceYourCalm.rawValue
            )
            self.blockStream = 0
            return false
        }
        self.buffers.append(field)
        return true
    }

    func received(_ frame: UnsafePointer<nghttp2_frame>, _ header: nghttp2_frame_hd) {
        switch nghttp2_frame_type(rawValue: UInt32(header.type)) {
        case NGHTTP2_HEADERS:
            self.blockStream = 0
            guard let stream = self.stream(header.stream_id) else { return }
            self.buffers.recorded.append(
                .headers(stream, fields: self.blockStart..<self.buffers.fieldCount)
            )
            if header.endsStream {
                self.buffers.recorded.append(.halfClosed(stream))
            }
        case NGHTTP2_DATA:
            if header.endsStream {
                guard let stream = self.stream(header.stream_id) else { return }
                self.buffers.recorded.append(.halfClosed(stream))
            } else if header.length == 0 {
                self.spend(\.idleFrames)
            }
        case NGHTTP2_RST_STREAM:
            self.spend(\.resets)
        case NGHTTP2_SETTINGS:
            if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 {
                self.spend(\.settings)
            }
        case NGHTTP2_PING:
            if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 {
                self.buffers.recorded.append(.pong)
            } else {
                self.spend(\.idleFrames)
                self.buffers.recorded.append(.ping)
            }
        case NGHTTP2_GOAWAY:
            self.buffers.recorded.append(
                .goAway(
                    ErrorCode(rawValue: byre_goaway_error(frame)),
                    lastStream: byre_goaway_last_stream(frame)
                )
            )
        case NGHTTP2_WINDOW_UPDATE:
            break
        default:
            self.spend(\.idleFrames)
        }
    }

    func receivedBody(_ id: Int32, _ start: UnsafePointer<UInt8>, _ count: Int) {
        guard let input = self.input, let stream = self.stream(id) else { return }
        let offset = UnsafeRawPointer(start) - input
        self.buffers.recorded.append(.data(stream, offset..<offset + count))
    }

    func sent(_ header: nghttp2_frame_hd) {
        let type = nghttp2_frame_type(rawValue: UInt32(header.type))
        guard type == NGHTTP2_HEADERS || type == NGHTTP2_DATA else { return }
        self.sentMessage = true
        guard header.endsStream, self.role == .server,
            nghttp2_session_get_stream_remote_close(self.handle, header.stream_id) == 0,
            let stream = self.stream(header.stream_id)
        else { return }
        self.buffers.recorded.append(.finishedEarly(stream))
    }

    func closed(_ id: Int32, _ code: UInt32) {
        if self.blockStream == id {
            self.blockStream = 0
        }
        guard let stream = self.stream(id) else { return }
        self.streamCount -= 1
        self.freeSlots.append(stream.slot)
        self.buffers.recorded.append(.closed(stream, ErrorCode(rawValue: code)))
    }

    func submitTrailers(_ id: Int32, _ trailers: HeaderList) {
        nghttp2_submit_trailer(
            self.handle,
            id,
            trailers.fields.baseAddress,
            trailers.fields.count
        )
    }

    private func stream(_ id: Int32) -> StreamRef? {
        let place = Int(bitPattern: nghttp2_session_get_stream_user_data(self.handle, id))
        return place == 0 ? nil : StreamRef(id: id, slot: place - 1)
    }

    private func takeSlot() -> Int {
        let slot = self.freeSlots.popLast() ?? self.streamCount
        self.streamCount += 1
        return slot
    }

    private func spend(_ budget: ReferenceWritableKeyPath<Session, FrameBudget>) {
        if !self[keyPath: budget].take(now: self.now) {
            self.terminate(.enhanceYourCalm)
        }
    }
}

extension nghttp2_frame_hd {
    var endsStream: Bool { self.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 }
}
