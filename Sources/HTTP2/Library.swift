import CNGHTTP2

/// nghttp2's side of a session: options, and callbacks that unpack their arguments and forward.
enum Library {
    /// Creates a session whose callbacks find their ``Session`` at `userData`.
    ///
    /// Source: <https://nghttp2.org/documentation/nghttp2_session_server_new3.html>
    static func makeSession(
        _ role: SessionRole,
        _ limits: SessionLimits,
        memory: nghttp2_mem,
        userData: UnsafeMutableRawPointer
    ) -> OpaquePointer? {
        var options: OpaquePointer?
        var callbacks: OpaquePointer?
        check(nghttp2_option_new(&options))
        check(nghttp2_session_callbacks_new(&callbacks))
        defer {
            nghttp2_option_del(options)
            nghttp2_session_callbacks_del(callbacks)
        }
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_no_closed_streams(options, 1)
        nghttp2_option_set_max_outbound_ack(options, limits.acknowledgementsQueuedMax)
        // Clients of etcd send as `:authority` what they were given as endpoint: a URL, or the path of
        // a socket. nghttp2 would reset such a stream; whoever serves a request looks at what it
        // needs of the fields by itself.
        nghttp2_option_set_no_http_messaging(options, 1)
        // The session has its own budget, whose GOAWAY says ENHANCE_YOUR_CALM.
        nghttp2_option_set_stream_reset_rate_limit(options, 1 << 40, 1 << 40)
        nghttp2_option_set_peer_max_concurrent_streams(options, 100)
        // Frames of types that HTTP/2 does not define would be passed over, unseen and for nothing.
        for type in Self.extensionTypes {
            nghttp2_option_set_user_recv_extension_type(options, type)
        }

        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, beganHeaders)
        nghttp2_session_callbacks_set_on_header_callback2(callbacks, header)
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, receivedFrame)
        nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, unpackExtension)
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, receivedBody)
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, sentFrame)
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, closedStream)
        nghttp2_session_callbacks_set_send_data_callback(callbacks, sendBody)

        var session: OpaquePointer?
        // nghttp2 copies it.
        var memory = memory
        switch role {
        case .server:
            check(nghttp2_session_server_new3(&session, callbacks, userData, options, &memory))
        case .client:
            check(nghttp2_session_client_new3(&session, callbacks, userData, options, &memory))
        }
        return session
    }

    /// Types of frames beyond those of HTTP/2 itself, the last of which is CONTINUATION.
    private static let extensionTypes = UInt8(NGHTTP2_CONTINUATION.rawValue + 1)...UInt8.max

    /// Making these objects fails for want of memory only, and then Swift could not go on either.
    private static func check(_ code: CInt) {
        precondition(code == 0, "nghttp2: out of memory")
    }

    private static let beganHeaders: nghttp2_on_begin_headers_callback = { _, frame, userData in
        guard let frame, let userData else { return 0 }
        let category = byre_headers_category(frame)
        let opens = category == Int32(NGHTTP2_HCAT_REQUEST.rawValue)
        return Unmanaged<Session>.fromOpaque(userData)._withUnsafeGuaranteedRef {
            $0.beganHeaders(byre_frame_header(frame).pointee.stream_id, opensStream: opens)
                ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
    }

    private static let header: nghttp2_on_header_callback2 = { _, _, name, value, _, userData in
        guard let name, let value, let userData else { return 0 }
        return Unmanaged<Session>.fromOpaque(userData)._withUnsafeGuaranteedRef {
            $0.header(HeaderField(name, value))
                ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
    }

    private static let receivedFrame: nghttp2_on_frame_recv_callback = { _, frame, userData in
        guard let frame, let userData else { return 0 }
        Unmanaged<Session>.fromOpaque(userData)._withUnsafeGuaranteedRef {
            $0.received(frame, byre_frame_header(frame).pointee)
        }
        return 0
    }

    /// Makes nothing of what a frame of an unknown type holds; then it comes to ``receivedFrame``.
    private static let unpackExtension: nghttp2_unpack_extension_callback = { _, _, _, _ in 0 }

    private static let receivedBody: nghttp2_on_data_chunk_recv_callback = {
        _,
        _,
        id,
        start,
        count,
        userData in
        guard let start, let userData else { return 0 }
        Unmanaged<Session>.fromOpaque(userData)._withUnsafeGuaranteedRef {
            $0.receivedBody(id, start, count)
        }
        return 0
    }

    private static let sentFrame: nghttp2_on_frame_send_callback = { _, frame, userData in
        guard let frame, let userData else { return 0 }
        Unmanaged<Session>.fromOpaque(userData)._withUnsafeGuaranteedRef {
            $0.sent(byre_frame_header(frame).pointee)
        }
        return 0
    }

    private static let closedStream: nghttp2_on_stream_close_callback = { _, id, code, userData in
        guard let userData else { return 0 }
        Unmanaged<Session>.fromOpaque(userData)._withUnsafeGuaranteedRef { $0.closed(id, code) }
        return 0
    }

    /// Reads a piece of a body straight to where its DATA frame will be, nine bytes further on.
    static let readBody: nghttp2_data_source_read_callback = {
        _,
        id,
        _,
        length,
        flags,
        source,
        userData in
        guard let flags, let source, let userData else { return 0 }
        let slot = Int(bitPattern: source.pointee.ptr) - 1
        return Unmanaged<Session>.fromOpaque(userData)._withUnsafeGuaranteedRef {
            $0.readBody(StreamRef(id: id, slot: slot), length, flags)
        }
    }

    /// Puts the frame header before the bytes that ``readBody`` placed.
    private static let sendBody: nghttp2_send_data_callback = {
        _,
        _,
        header,
        length,
        _,
        userData in
        guard let header, let userData else { return 0 }
        return Unmanaged<Session>.fromOpaque(userData)._withUnsafeGuaranteedRef {
            $0.sendBody(header, length)
        }
    }
}

extension Session {
    /// The bytes before a frame's payload.
    private static let frameHeaderBytes = 9

    fileprivate func readBody(
        _ stream: StreamRef,
        _ length: Int,
        _ flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        guard let bodies = self.bodies, let start = self.output.baseAddress else {
            return Int(NGHTTP2_ERR_PAUSE.rawValue)
        }
        let room = UnsafeMutableRawBufferPointer(
            start: start + self.written + Self.frameHeaderBytes,
            count: length
        )
        switch bodies.read(stream, into: room) {
        case .pending:
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        case .bytes(let count):
            flags.pointee = NGHTTP2_DATA_FLAG_NO_COPY.rawValue
            return count
        case .all(let count):
            flags.pointee =
                NGHTTP2_DATA_FLAG_NO_COPY.rawValue | NGHTTP2_DATA_FLAG_EOF.rawValue
                | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            return count
        case .last(let count, let trailers):
            flags.pointee = NGHTTP2_DATA_FLAG_NO_COPY.rawValue | NGHTTP2_DATA_FLAG_EOF.rawValue
            if let trailers {
                flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                self.submitTrailers(stream.id, trailers)
            }
            return count
        }
    }

    fileprivate func sendBody(_ header: UnsafePointer<UInt8>, _ length: Int) -> CInt {
        guard let start = self.output.baseAddress else {
            return NGHTTP2_ERR_WOULDBLOCK.rawValue
        }
        (start + self.written).copyMemory(from: header, byteCount: Self.frameHeaderBytes)
        self.written += Self.frameHeaderBytes + length
        return self.hasRoom ? 0 : NGHTTP2_ERR_PAUSE.rawValue
    }
}
