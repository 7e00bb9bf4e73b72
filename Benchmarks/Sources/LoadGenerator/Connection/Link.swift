package import HTTP2
import TLS

/// One connection of the load: a socket, TLS if wanted, an HTTP/2 session, and the calls on it.
///
/// Confined to the thread of its worker. After a failure it stays closed, and its calls end without a
/// status.
package final class Link: SessionBodies {
    package enum State: Hashable {
        case connecting
        case handshaking
        case open
        case closed
    }

    package let endpoint: Target
    package private(set) var state = State.connecting
    /// Why the connection is closed, unless ``close()`` was called.
    package private(set) var failure: String?

    let socket: Socket
    private unowned let worker: Worker
    private let session: Session
    private var security: TLS.Connection?
    /// Calls by the slot of their stream.
    private var calls: [Call?] = []
    /// Bytes the socket did not take yet.
    private var unsent: [UInt8] = []
    private var isAwaitingRoom = true
    private var isMarked = false

    /// Begins to connect.
    package init(to endpoint: Target, of worker: Worker) throws(Failure) {
        self.endpoint = endpoint
        self.worker = worker
        self.socket = try Socket(to: endpoint.endpoint.address)
        self.session = Session(role: .client, limits: endpoint.limits, buffers: worker.buffers)
        if let context = endpoint.security {
            do {
                self.security = try TLS.Connection(
                    client: context,
                    serverName: endpoint.serverName,
                    output: worker.ciphertext
                )
            } catch {
                throw Failure("TLS: \(error)")
            }
        }
        worker.adopt(self)
    }

    /// When what is being acted on was read: nanoseconds.
    package var readTime: UInt64 { self.worker.now }

    // MARK: Calls

    /// Starts a call, whose owner is told when it has ended.
    /// - Returns: false when the connection takes no more calls.
    package func start(_ call: Call) -> Bool {
        guard self.state == .open || self.state == .connecting || self.state == .handshaking,
            let stream = self.session.request(self.endpoint.headers[call.method])
        else { return false }
        call.begin(stream)
        while self.calls.count <= stream.slot { self.calls.append(nil) }
        self.calls[stream.slot] = call
        self.mark()
        return true
    }

    /// Sends the request of a running call that is no unary one, after what it sent before.
    package func resume(_ call: Call) {
        guard let stream = call.stream else { return }
        call.sent = 0
        self.session.resume(stream)
        self.mark()
    }

    /// Gives a call up.
    package func cancel(_ call: Call) {
        guard let stream = call.stream else { return }
        self.session.reset(stream, .cancel)
        self.mark()
    }

    /// Ends the connection at once.
    package func close() {
        guard self.state != .closed else { return }
        self.end(nil)
    }

    private func mark() {
        guard !self.isMarked else { return }
        self.isMarked = true
        self.worker.dirty.append(self)
    }

    // MARK: Bodies

    package func read(
        _ stream: StreamRef,
        into buffer: UnsafeMutableRawBufferPointer
    ) -> BodyRead {
        guard let call = self.calls[stream.slot] else { return .pending }
        let count = min(buffer.count, call.request.count - call.sent)
        call.request.withUnsafeBytes {
            buffer.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: $0[call.sent..<call.sent + count])
            )
        }
        call.sent += count
        if call.isUnary && call.sent == call.request.count { return .last(count, trailers: nil) }
        return count == 0 ? .pending : .bytes(count)
    }

    // MARK: Input

    func readable() {
        guard self.state != .closed else { return }
        if self.state == .connecting { self.connected() }
        while self.state != .closed {
            switch self.socket.read(into: self.worker.input) {
            case .later: return
            case .ended(let reason):
                self.end(reason)
                return
            case .bytes(let count):
                self.take(UnsafeRawBufferPointer(rebasing: self.worker.input[..<count]))
                if count < self.worker.input.count { return }
            }
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        guard let security = self.security else { return self.feed(bytes) }
        let plaintext = self.worker.plaintext
        plaintext.removeAll()
        do {
            let progress = try security.receive(bytes.bytes, into: plaintext)
            // At once: the next connection's bytes go to the same place.
            guard self.sendCiphertext() || self.state != .closed else { return }
            if progress.opened { self.opened() }
        } catch {
            _ = self.sendCiphertext()
            self.end("TLS: \(error)")
            return
        }
        plaintext.bytes.withUnsafeBytes { self.feed($0) }
    }

    private func feed(_ bytes: UnsafeRawBufferPointer) {
        let buffers = self.worker.buffers
        self.worker.now = Monotonic.now
        do {
            try self.session.feed(bytes, now: self.worker.now / 1_000_000)
        } catch {
            buffers.clear()
            self.end("HTTP/2: \(error)")
            return
        }
        var over: [Call] = []
        for index in 0..<buffers.eventCount {
            switch buffers.event(at: index) {
            case .headers(let stream, let fields):
                self.call(of: stream)?.take(fields, of: buffers)
            case .data(let stream, let range):
                self.session.consume(stream, range.count)
                self.call(of: stream)?.take(UnsafeRawBufferPointer(rebasing: bytes[range]))
            case .closed(let stream, _):
                guard let call = self.call(of: stream) else { continue }
                self.calls[stream.slot] = nil
                over.append(call)
            case .goAway(let code, _):
                self.failure = "the server said goodbye: \(code)"
            case .halfClosed, .finishedEarly, .ping, .pong: break
            }
        }
        buffers.clear()
        self.mark()
        // Not before all events were seen: a call that begins may take the slot of one that ends.
        for call in over { call.end() }
    }

    private func call(of stream: StreamRef) -> Call? {
        guard stream.slot < self.calls.count, let call = self.calls[stream.slot],
            call.stream == stream
        else { return nil }
        return call
    }

    // MARK: Output

    func writable() {
        guard self.state != .closed else { return }
        if self.state == .connecting { self.connected() }
        self.isAwaitingRoom = false
        self.flush()
        if self.state != .closed && !self.isAwaitingRoom {
            self.worker.poller.watch(self, writes: false, isNew: false)
        }
    }

    private func connected() {
        if let reason = self.socket.connectFailure { return self.end(reason) }
        guard let security = self.security else { return self.opened() }
        self.state = .handshaking
        do {
            try security.start()
            _ = self.sendCiphertext()
        } catch {
            self.worker.ciphertext.removeAll()
            self.end("TLS: \(error)")
        }
    }

    private func opened() {
        self.state = .open
        self.worker.opened(self)
        self.mark()
    }

    /// Writes what the session and TLS have, as much as the socket takes.
    func flush() {
        self.isMarked = false
        guard self.state == .open || self.state == .handshaking else { return }
        guard self.drain() else { return }
        var count = 0
        repeat {
            count = 0
            if self.state == .open {
                do {
                    count = try self.session.pull(into: self.worker.output, from: self)
                } catch {
                    self.end("HTTP/2: \(error)")
                    return
                }
            }
            let made = UnsafeRawBufferPointer(rebasing: self.worker.output[..<count])
            guard self.send(made) else { return }
        } while count > 0
        self.worker.buffers.clear()
    }

    private func send(_ made: UnsafeRawBufferPointer) -> Bool {
        guard !made.isEmpty else { return true }
        guard let security = self.security else { return self.write(made) }
        do {
            try security.send(made.bytes)
        } catch {
            self.worker.ciphertext.removeAll()
            self.end("TLS: \(error)")
            return false
        }
        return self.sendCiphertext()
    }

    /// Writes what TLS made of this connection's bytes.
    private func sendCiphertext() -> Bool {
        let ciphertext = self.worker.ciphertext
        defer { ciphertext.removeAll() }
        guard !ciphertext.isEmpty else { return true }
        return ciphertext.bytes.withUnsafeBytes { self.write($0) }
    }

    /// - Returns: whether there is room for more.
    private func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard self.unsent.isEmpty else {
            self.unsent.append(contentsOf: bytes)
            return false
        }
        var rest = bytes
        while !rest.isEmpty {
            switch self.socket.write(rest) {
            case .bytes(let count):
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            case .later:
                self.unsent.append(contentsOf: rest)
                self.awaitRoom()
                return false
            case .ended(let reason):
                self.end(reason)
                return false
            }
        }
        return true
    }

    private func drain() -> Bool {
        guard !self.unsent.isEmpty else { return true }
        let bytes = self.unsent
        self.unsent = []
        return bytes.withUnsafeBytes { self.write($0) }
    }

    private func awaitRoom() {
        guard !self.isAwaitingRoom else { return }
        self.isAwaitingRoom = true
        self.worker.poller.watch(self, writes: true, isNew: false)
    }

    // MARK: End

    private func end(_ reason: String?) {
        guard self.state != .closed else { return }
        self.state = .closed
        self.failure = reason.map { self.failure ?? $0 }
        self.worker.buffers.clear()
        self.worker.dropped(self)
        let running = self.calls.compactMap { $0 }
        self.calls = []
        for call in running { call.end() }
    }
}
