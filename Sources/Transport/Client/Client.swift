import GRPC
import Glibc
package import HTTP2
package import TLS

/// A client of gRPC or plain HTTP/2 that blocks: for tests and tools, one thread, no event loop.
///
/// Calls make progress while one of its methods waits, and only then.
package final class Client {
    /// Why a client cannot go on.
    package enum Failure: Error, Hashable, Sendable {
        case cannotConnect(String)
        /// The server is not who it should be, or refuses this client's certificate.
        case security(TLSError)
        case session(HTTP2Error)
        /// Nothing arrived for as long as the client is willing to wait.
        case timedOut
        /// The server closed the connection; `goAway` is what it said before, if anything.
        case closed(goAway: ErrorCode?)
    }

    /// What the server said in GOAWAY, if it did.
    package private(set) var goAway: ErrorCode?
    /// PINGs that the server answered.
    package private(set) var pongs = 0
    /// PINGs that the server sent.
    package private(set) var pings = 0
    /// How long to wait for the server to say something.
    package var patience = Duration.seconds(20)

    private let socket: Int32
    /// nil for plaintext.
    private let secure: SecureSocket?
    private let session: Session
    private let authority: String
    private let buffers = SessionBuffers()
    private var calls: [Int: ClientCall] = [:]
    private var input = [UInt8](repeating: 0, count: 64 << 10)
    private var output = [UInt8](repeating: 0, count: 64 << 10)
    private var isClosed = false

    /// Connects to a server.
    /// - Parameters:
    ///   - security: Whom to trust and what to show; nil for plaintext.
    ///   - serverName: The name or address that the server must prove to be.
    package init(
        to address: Listener.Address,
        security: TLS.Context? = nil,
        serverName: String? = nil,
        limits: SessionLimits = SessionLimits()
    ) throws(Failure) {
        self.authority =
            switch address {
            case .tcp: "\(address)"
            case .unix: "localhost"
            }
        self.socket = try ClientSocket.connect(to: address)
        self.session = Session(role: .client, limits: limits, buffers: self.buffers)
        do throws(TLSError) {
            self.secure = try security.map { context throws(TLSError) in
                try SecureSocket(context, serverName: serverName)
            }
        } catch {
            throw .security(error)
        }
        if let secure { try self.shakeHands(secure) }
    }

    /// Agrees on keys with the server, so that what cannot be is known before the first call.
    private func shakeHands(_ secure: SecureSocket) throws(Failure) {
        do throws(TLSError) {
            try secure.start()
        } catch {
            throw .security(error)
        }
        while !secure.isOpen {
            self.write(secure.takeOutput())
            try self.receiveSecurely(secure)
            guard !self.isClosed else { throw .closed(goAway: nil) }
        }
    }

    deinit {
        close(self.socket)
    }

    // MARK: Calls

    /// Starts a call; the request's messages follow with ``send(_:on:isLast:)``.
    /// - Parameter headers: Further header fields; those of the same name replace the usual ones.
    package func start(
        _ path: String,
        headers: [(name: String, value: String)] = []
    ) throws(Failure) -> ClientCall {
        var fields = [
            (name: ":method", value: "POST"),
            (name: ":scheme", value: self.secure == nil ? "http" : "https"),
            (name: ":path", value: path), (name: ":authority", value: self.authority),
            (name: "content-type", value: "application/grpc"), (name: "te", value: "trailers"),
        ]
        for header in headers {
            if let index = fields.firstIndex(where: { $0.name == header.name }) {
                fields[index] = header
            } else {
                fields.append(header)
            }
        }
        return try self.open(fields)
    }

    /// Makes a plain HTTP request; its answer's body is ``ClientCall/takeBody()``.
    /// - Parameter path: With the query, percent-encoded.
    package func request(
        _ method: String,
        _ path: String,
        headers: [(name: String, value: String)],
        body: [UInt8]
    ) throws(Failure) -> ClientCall {
        let fields = [
            (name: ":method", value: method),
            (name: ":scheme", value: self.secure == nil ? "http" : "https"),
            (name: ":path", value: path), (name: ":authority", value: self.authority),
        ]
        let call = try self.open(fields + headers)
        call.isPlain = true
        self.sendBytes(body, on: call, isLast: true)
        return call
    }

    private func open(_ fields: [(name: String, value: String)]) throws(Failure) -> ClientCall {
        guard let stream = self.session.request(HeaderList(fields)) else {
            throw .closed(goAway: self.goAway)
        }
        let call = ClientCall(stream)
        self.calls[stream.slot] = call
        return call
    }

    /// Queues one message, framed.
    package func send(_ message: [UInt8], on call: ClientCall, isLast: Bool = false) {
        let reserved = [UInt8](repeating: 0, count: FramedMessage.prefixLength)
        self.sendBytes(FramedMessage(reserved: reserved + message).bytes, on: call, isLast: isLast)
    }

    /// Queues bytes of the request's body as they are.
    package func sendBytes(_ bytes: [UInt8], on call: ClientCall, isLast: Bool = false) {
        call.queue(bytes)
        call.hasSentAll = isLast
        self.session.resume(call.stream)
    }

    /// Ends a call with RST_STREAM.
    package func cancel(_ call: ClientCall) {
        self.session.reset(call.stream, .cancel)
    }

    /// Queues a PING.
    package func ping() {
        self.session.ping()
    }

    /// Gives back flow-control credit for a call that holds it.
    package func consume(_ count: Int, of call: ClientCall) {
        self.session.consume(call.stream, count)
    }

    /// Makes a unary call and waits for its end.
    package func unary(
        _ path: String,
        _ message: [UInt8],
        headers: [(name: String, value: String)] = []
    ) throws(Failure) -> ClientCall {
        let call = try self.start(path, headers: headers)
        self.send(message, on: call, isLast: true)
        try self.wait { call.isOver }
        return call
    }

    // MARK: Progress

    /// Sends and receives until `condition` holds.
    package func wait(until condition: () -> Bool) throws(Failure) {
        while true {
            try self.flush()
            if condition() { return }
            guard !self.isClosed else { throw .closed(goAway: self.goAway) }
            try self.receive()
        }
    }

    /// Waits for the server to close the connection.
    package func waitForClose() throws(Failure) {
        while !self.isClosed {
            try self.flush()
            try self.receive()
        }
    }

    /// Writes what is queued.
    package func flush() throws(Failure) {
        while !self.isClosed {
            let count = try self.pull()
            self.handleEvents()
            guard count > 0 else { return }
            try self.write(count)
        }
    }

    private func pull() throws(Failure) -> Int {
        let result = self.output.withUnsafeMutableBytes { bytes in
            Result { () throws(HTTP2Error) in try self.session.pull(into: bytes, from: self) }
        }
        do throws(HTTP2Error) {
            return try result.get()
        } catch {
            throw .session(error)
        }
    }

    private func write(_ count: Int) throws(Failure) {
        guard let secure else {
            self.output.withUnsafeBytes {
                self.write(UnsafeRawBufferPointer(rebasing: $0[..<count]))
            }
            return
        }
        do throws(TLSError) {
            try secure.send(self.output[..<count])
        } catch {
            throw .security(error)
        }
        self.write(secure.takeOutput())
    }

    private func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.write($0) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while !rest.isEmpty {
            let result = Glibc.send(self.socket, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            if result < 0, errno == EINTR { continue }
            guard result > 0 else {
                // The server may have said why before it stopped to listen: reading will tell.
                return
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[result...])
        }
    }

    private func receive() throws(Failure) {
        guard let secure else {
            let count = try self.receiveBytes()
            if count > 0 { try self.feed(count) }
            return
        }
        try self.receiveSecurely(secure)
    }

    /// Receives what is at hand, decrypts it and feeds it to the session.
    private func receiveSecurely(_ secure: SecureSocket) throws(Failure) {
        let count = try self.receiveBytes()
        guard count > 0 else { return }
        let plaintext: [UInt8]
        do throws(TLSError) {
            plaintext = try secure.receive(self.input[..<count])
        } catch {
            self.write(secure.takeOutput())
            throw .security(error)
        }
        self.write(secure.takeOutput())
        guard !plaintext.isEmpty else { return }
        // A record's plaintext is shorter than the record, but what was kept of one may come with it.
        let room = self.input.count
        self.input = plaintext
        if self.input.count < room {
            self.input.append(contentsOf: repeatElement(0, count: room - self.input.count))
        }
        try self.feed(plaintext.count)
    }

    /// Receives into the input, waiting for something; 0 when the server has closed.
    private func receiveBytes() throws(Failure) -> Int {
        var descriptor = pollfd(fd: self.socket, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, self.patienceMilliseconds) > 0 else {
            throw .timedOut
        }
        let count = self.input.withUnsafeMutableBytes {
            Glibc.recv(self.socket, $0.baseAddress, $0.count, 0)
        }
        guard count > 0 else {
            self.isClosed = true
            for call in self.calls.values { call.connectionLost() }
            return 0
        }
        return count
    }

    private var patienceMilliseconds: Int32 {
        let (seconds, attoseconds) = self.patience.components
        return Int32(clamping: seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
    }

    private func feed(_ count: Int) throws(Failure) {
        let result = self.input.withUnsafeBytes { bytes in
            Result { () throws(HTTP2Error) in
                try self.session.feed(UnsafeRawBufferPointer(rebasing: bytes[..<count]), now: 0)
            }
        }
        do throws(HTTP2Error) {
            try result.get()
        } catch {
            throw .session(error)
        }
        self.handleEvents()
    }

    private func handleEvents() {
        for event in self.buffers.events {
            switch event {
            case .headers(let stream, let fields):
                self.calls[stream.slot]?.receivedHeaders(self.buffers, fields)
            case .data(let stream, let range):
                guard let call = self.calls[stream.slot] else { continue }
                self.input.withUnsafeBytes { bytes in
                    call.receivedBody(UnsafeRawBufferPointer(rebasing: bytes[range]))
                }
                if !call.holdsCredit { self.session.consume(stream, range.count) }
            case .halfClosed(let stream):
                self.calls[stream.slot]?.hasEnded = true
            case .closed(let stream, let code):
                self.calls.removeValue(forKey: stream.slot)?.closed(code)
            case .pong: self.pongs += 1
            case .goAway(let code, _): self.goAway = code
            case .ping: self.pings += 1
            case .finishedEarly: break
            }
        }
        self.buffers.clear()
    }
}

extension Client: SessionBodies {
    package func read(
        _ stream: StreamRef,
        into buffer: UnsafeMutableRawBufferPointer
    ) -> BodyRead {
        guard let call = self.calls[stream.slot] else { return .last(0, trailers: nil) }
        let count = call.takeOutgoing(into: buffer)
        if call.hasSentAll, !call.hasOutgoing { return .last(count, trailers: nil) }
        return count > 0 ? .bytes(count) : .pending
    }
}
