import COpenSSL

/// One TLS connection, without I/O: ciphertext goes in, plaintext and ciphertext come out.
///
/// Confined to the event loop that owns the socket, except that it may be made elsewhere. It does
/// not own a socket, a timer or a queue: whoever does decides how long a handshake may take and
/// when to stop reading. Between calls it holds bytes only of a record that has not arrived whole.
///
/// ```
/// handshaking ── receive ──> open ── receive(close_notify) ──> peerClosed
///      │                      │ └────────── close() ───────────┐   │
///      └──── any failure ─────┴──> failed                    closed <┘ close()
/// ```
package final class Connection {
    /// Where a connection is in its life.
    package enum State: Sendable, Hashable {
        /// No plaintext flows yet. Exits: `open`, `failed`, `closed`.
        case handshaking
        /// Plaintext flows both ways. Exits: `peerClosed`, `failed`, `closed`.
        case open
        /// The peer will send nothing more; we may. Exits: `failed`, `closed`.
        case peerClosed
        /// We said that we will send nothing more. Terminal; what arrives is ignored.
        case closed
        /// Broken, and the peer was told why if that could be. Terminal; what arrives is ignored.
        case failed
    }

    /// What one call of ``receive(_:into:)`` brought, beside plaintext.
    package struct Progress: Sendable, Hashable {
        /// The handshake ended well: peer, protocol and version are known now.
        package var opened: Bool
        /// The peer said that it will send nothing more.
        package var peerClosed: Bool

        package init(opened: Bool = false, peerClosed: Bool = false) {
            self.opened = opened
            self.peerClosed = peerClosed
        }
    }

    package private(set) var state = State.handshaking

    /// Outlives the SSL, whose callbacks look at it.
    private let context: Context
    private let ssl: OpaquePointer
    private let output: any ByteSink

    /// What OpenSSL may still read of the bytes given to ``receive(_:into:)``; empty outside it.
    fileprivate var input = UnsafeRawBufferPointer(start: nil, count: 0)

    /// Makes a server's end.
    /// - Parameter output: takes the ciphertext for the peer whenever a method of this object runs.
    /// - Throws: ``TLSError/library(_:)`` when memory is short.
    package init(server context: Context, output: any ByteSink) throws(TLSError) {
        precondition(context.role == .server, "a server needs a server's context")
        self.context = context
        self.output = output
        self.ssl = try Self.makeSSL(context)
        try self.attach()
        SSL_set_accept_state(self.ssl)
    }

    /// Makes a client's end.
    ///
    /// Its handshake begins with ``start()``.
    /// - Parameters:
    ///   - serverName: the host name or address the server must prove to be; a name is sent as
    ///     SNI. Nil sends none and checks none.
    ///   - output: as for a server.
    /// - Throws: ``TLSError/library(_:)`` when memory is short, or `serverName` is no name.
    package init(
        client context: Context,
        serverName: String?,
        output: any ByteSink
    ) throws(TLSError) {
        precondition(context.role == .client, "a client needs a client's context")
        self.context = context
        self.output = output
        self.ssl = try Self.makeSSL(context)
        try self.attach()
        SSL_set_connect_state(self.ssl)
        if let serverName { try self.expect(serverName) }
        try self.offerProtocols()
    }

    deinit {
        SSL_free(self.ssl)
    }

    private static func makeSSL(_ context: Context) throws(TLSError) -> OpaquePointer {
        OpenSSL.clearErrors()
        return try OpenSSL.check(SSL_new(context.pointer), "making a connection")
    }

    /// Puts this object where OpenSSL expects a socket.
    private func attach() throws(TLSError) {
        let stream = try OpenSSL.check(BIO_new(streamMethod), "making a connection")
        BIO_set_data(stream, Unmanaged.passUnretained(self).toOpaque())
        // One stream for both directions, and one reference to it, which the SSL takes over.
        SSL_set_bio(self.ssl, stream, stream)
    }

    private func expect(_ serverName: String) throws(TLSError) {
        let parameters = SSL_get0_param(self.ssl)
        if X509_VERIFY_PARAM_set1_ip_asc(parameters, serverName) == 1 { return }
        OpenSSL.clearErrors()
        try OpenSSL.check(
            byre_SSL_set_tlsext_host_name(self.ssl, serverName),
            "naming the server"
        )
        if self.context.verifiesServer {
            try OpenSSL.check(SSL_set1_host(self.ssl, serverName), "naming the server")
        }
    }

    private func offerProtocols() throws(TLSError) {
        var list: [UInt8] = []
        for name in self.context.protocols {
            precondition(1...255 ~= name.count, "an ALPN protocol's name has 1 to 255 bytes")
            list.append(UInt8(name.count))
            list += name
        }
        guard !list.isEmpty else { return }
        // Of all functions of OpenSSL this one returns 0 for success.
        guard SSL_set_alpn_protos(self.ssl, list, CUnsignedInt(list.count)) == 0 else {
            throw .library("offering protocols: \(OpenSSL.takeReason())")
        }
    }

    // MARK: - Traffic

    /// Begins a client's handshake; a server waits for its peer.
    package func start() throws(TLSError) {
        guard self.state == .handshaking, self.context.role == .client else { return }
        OpenSSL.clearErrors()
        _ = try self.continueHandshake()
    }

    /// Takes bytes from the peer, all of them.
    ///
    /// Plaintext that came with the end of the handshake is in `plaintext` when this returns
    /// `opened`, so the caller can choose the protocol first. On a failure the plaintext before it
    /// is there too, and the alert, if one is due, is in the output.
    /// - Parameters:
    ///   - ciphertext: any piece of the stream, cut anywhere.
    ///   - plaintext: takes at most as many bytes as `ciphertext` and the unfinished record have.
    /// - Throws: ``TLSError/notTLS``, ``TLSError/certificate(_:)`` or ``TLSError/handshake(_:)``.
    ///   The connection has failed then.
    /// - Complexity: O(`ciphertext.byteCount`).
    package func receive(
        _ ciphertext: RawSpan,
        into plaintext: any ByteSink
    ) throws(TLSError) -> Progress {
        try ciphertext.withUnsafeBytes { (bytes) throws(TLSError) -> Progress in
            self.input = bytes
            defer { self.input = UnsafeRawBufferPointer(start: nil, count: 0) }
            OpenSSL.clearErrors()

            var progress = Progress()
            if self.state == .handshaking {
                progress.opened = try self.continueHandshake()
            }
            if self.state == .open {
                progress.peerClosed = try self.decrypt(into: plaintext)
            }
            return progress
        }
    }

    /// - Returns: whether the handshake is done now.
    private func continueHandshake() throws(TLSError) -> Bool {
        let result = SSL_do_handshake(self.ssl)
        if result == 1 {
            self.state = .open
            return true
        }
        guard SSL_get_error(self.ssl, result) == SSL_ERROR_WANT_READ else {
            throw self.failure()
        }
        return false
    }

    /// - Returns: whether the peer said that this was all.
    private func decrypt(into plaintext: any ByteSink) throws(TLSError) -> Bool {
        // A call decrypts one record at most; bytes of an unfinished one move into OpenSSL.
        while !self.input.isEmpty || SSL_pending(self.ssl) > 0 {
            var result: CInt = 0
            plaintext.append(capacity: Limits.recordPlaintextBytesMax) { span in
                span.withUnsafeMutableBytes { room, count in
                    var read = 0
                    result = SSL_read_ex(
                        self.ssl,
                        room.baseAddress.map { $0 + count },
                        room.count - count,
                        &read
                    )
                    if result == 1 { count += read }
                }
            }
            if result == 1 { continue }
            switch SSL_get_error(self.ssl, result) {
            case SSL_ERROR_WANT_READ:
                return false
            case SSL_ERROR_ZERO_RETURN:
                self.state = .peerClosed
                return true
            default:
                throw self.failure()
            }
        }
        return false
    }

    /// Encrypts bytes for the peer, in records as large as they can be.
    ///
    /// Every call begins a record: who has many small pieces to send should put them together.
    /// - Throws: ``TLSError/closed`` unless the connection is `open` or `peerClosed`.
    /// - Complexity: O(`plaintext.byteCount`).
    package func send(_ plaintext: RawSpan) throws(TLSError) {
        guard self.state == .open || self.state == .peerClosed else { throw .closed }
        guard plaintext.byteCount > 0 else { return }
        try plaintext.withUnsafeBytes { (bytes) throws(TLSError) in
            OpenSSL.clearErrors()
            var written = 0
            // The output takes everything, so either all is written or the connection is broken.
            guard SSL_write_ex(self.ssl, bytes.baseAddress, bytes.count, &written) == 1 else {
                throw self.failure()
            }
        }
    }

    /// Says goodbye (`close_notify`), once; nothing can be sent afterwards.
    ///
    /// During the handshake there is nobody to say it to.
    package func close() {
        switch self.state {
        case .open, .peerClosed:
            OpenSSL.clearErrors()
            // 0: the peer has not answered yet, which nobody waits for.
            _ = SSL_shutdown(self.ssl)
            OpenSSL.clearErrors()
            self.state = .closed
        case .handshaking:
            self.state = .closed
        case .closed, .failed:
            break
        }
    }

    /// Reads why OpenSSL gave up, and gives up as well.
    private func failure() -> TLSError {
        let wasHandshaking = self.state == .handshaking
        self.state = .failed
        let code = OpenSSL.reasonCode
        let reason = OpenSSL.takeReason()
        guard wasHandshaking else { return .handshake(reason) }
        switch code {
        case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_WRONG_VERSION_NUMBER:
            return .notTLS
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return .certificate("none was sent")
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return .certificate(self.verificationProblem)
        default:
            return .handshake(reason)
        }
    }

    private var verificationProblem: String {
        let result = SSL_get_verify_result(self.ssl)
        if result == Int(X509_V_ERR_APPLICATION_VERIFICATION) { return "its name is not allowed" }
        return String(cString: X509_verify_cert_error_string(result))
    }

    // MARK: - What was agreed

    /// The certificate the peer proved to hold, verified; nil when it showed none or nothing was
    /// verified.
    ///
    /// Read anew at each call.
    /// - Complexity: O(size of the chain).
    package var peerCertificate: PeerCertificate? {
        guard SSL_get_verify_mode(self.ssl) & SSL_VERIFY_PEER != 0,
            SSL_get_verify_result(self.ssl) == Int(X509_V_OK),
            let chain = SSL_get0_verified_chain(self.ssl)
        else { return nil }
        return PeerCertificate(chain: chain)
    }

    /// Whether what the peer proved to hold is revoked by now, itself or an authority between it and
    /// the trusted one: by the lists of a context that may be newer than this connection's own.
    /// - Complexity: O(length of the chain × number of lists).
    package func isRevoked(by context: Context) -> Bool {
        SSL_get0_verified_chain(self.ssl).map(context.revokes) ?? false
    }

    /// The protocol agreed on by ALPN; nil when the client offered none.
    package var applicationProtocol: String? {
        var bytes: UnsafePointer<UInt8>?
        var count: CUnsignedInt = 0
        SSL_get0_alpn_selected(self.ssl, &bytes, &count)
        guard count > 0 else { return nil }
        return String(
            validating: UnsafeBufferPointer(start: bytes, count: Int(count)),
            as: UTF8.self
        )
    }

    /// The name of the server the client wanted to talk to (SNI), as the client spelt it.
    package var serverName: String? {
        SSL_get_servername(self.ssl, TLSEXT_NAMETYPE_host_name).flatMap {
            String(validatingCString: $0)
        }
    }

    /// Nil before the handshake has come so far.
    package var version: ProtocolVersion? {
        ProtocolVersion(number: SSL_version(self.ssl))
    }

    /// The agreed suite's name in IANA's registry; nil before the handshake has come so far.
    package var cipherSuite: String? {
        SSL_get_current_cipher(self.ssl)
            .flatMap(SSL_CIPHER_standard_name)
            .map { String(cString: $0) }
    }
}

// MARK: - The stream below

extension Connection {
    /// Gives OpenSSL what there is of the peer's bytes.
    fileprivate func read(into room: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(room.count, self.input.count)
        room.copyMemory(from: UnsafeRawBufferPointer(rebasing: self.input.prefix(count)))
        self.input = UnsafeRawBufferPointer(rebasing: self.input.dropFirst(count))
        return count
    }

    /// Takes OpenSSL's bytes for the peer.
    fileprivate func write(_ bytes: UnsafeRawBufferPointer) {
        self.output.append(capacity: bytes.count) { span in
            span.withUnsafeMutableBytes { room, count in
                UnsafeMutableRawBufferPointer(rebasing: room[count...]).copyMemory(from: bytes)
                count += bytes.count
            }
        }
    }

    fileprivate static func of(_ stream: OpaquePointer?) -> Connection? {
        BIO_get_data(stream).map { Unmanaged<Connection>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// A BIO that reads from and writes to the ``Connection`` in its data, and copies nothing else.
///
/// OpenSSL: <https://docs.openssl.org/3.0/man3/BIO_meth_new/>
private nonisolated(unsafe) let streamMethod: OpaquePointer? = {
    // nonisolated(unsafe) because a BIO_METHOD is a C pointer; it is not changed after this block.
    guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "byre stream")
    else { return nil }
    BIO_meth_set_create(method) { stream in
        BIO_set_init(stream, 1)
        return 1
    }
    BIO_meth_set_read_ex(method) { stream, room, capacity, count in
        byre_BIO_clear_retry_flags(stream)
        guard let connection = Connection.of(stream) else { return 0 }
        let read = connection.read(into: .init(start: room, count: capacity))
        count?.pointee = read
        if read > 0 { return 1 }
        // Without this mark an empty read would mean the end of the stream.
        byre_BIO_set_retry_read(stream)
        return 0
    }
    BIO_meth_set_write_ex(method) { stream, bytes, byteCount, count in
        byre_BIO_clear_retry_flags(stream)
        guard let connection = Connection.of(stream) else { return 0 }
        connection.write(.init(start: bytes, count: byteCount))
        count?.pointee = byteCount
        return 1
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in
        // Nothing is buffered here, so flushing is done already. Other commands do not apply.
        command == BIO_CTRL_FLUSH ? 1 : 0
    }
    return method
}()
