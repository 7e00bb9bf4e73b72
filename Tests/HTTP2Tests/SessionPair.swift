import HTTP2

/// One end of a connection in memory.
final class End: SessionBodies {
    let session: Session
    let buffers = SessionBuffers()
    /// What each header block says differently than the one before.
    var changes: [HeaderNames] = []
    private let kept: KeptFields
    /// What is sent on each stream: all of it, then the end.
    var bodies: [Int32: [UInt8]] = [:]
    /// Streams whose body goes on once ``Session/resume(_:)`` is called.
    var waiting: Set<Int32> = []
    var trailers: HeaderList?
    /// Whether a piece that leaves nothing says so, when the body goes on later.
    var tellsWhenThatIsAll = false
    /// Events as lines, with the fields and bytes they refer to.
    var log: [String] = []
    var streams: [StreamRef] = []
    /// Whether received bytes are consumed at once.
    var consumes = true
    var error: HTTP2Error?
    var now: UInt64 = 0

    init(_ role: SessionRole, limits: SessionLimits = SessionLimits()) {
        self.session = Session(role: role, limits: limits, buffers: self.buffers)
        self.kept = KeptFields(self.buffers)
    }

    func read(_ stream: StreamRef, into buffer: UnsafeMutableRawBufferPointer) -> BodyRead {
        let body = self.bodies[stream.id] ?? []
        if body.isEmpty, self.waiting.contains(stream.id) { return .pending }
        let count = min(buffer.count, body.count)
        buffer.copyBytes(from: body[..<count])
        self.bodies[stream.id] = Array(body[count...])
        if count == body.count, !self.waiting.contains(stream.id) {
            return .last(count, trailers: self.trailers)
        }
        if count == body.count, self.tellsWhenThatIsAll { return .all(count) }
        return .bytes(count)
    }

    /// Takes all that is ready to be written.
    func pull() -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 2 * Session.frameBytesMax)
        while true {
            let count = buffer.withUnsafeMutableBytes { bytes in
                (try? self.session.pull(into: bytes, from: self)) ?? 0
            }
            self.takeEvents([])
            guard count > 0 else { return all }
            all += buffer[..<count]
        }
    }

    func feed(_ bytes: [UInt8]) {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(HTTP2Error) in try self.session.feed(bytes, now: self.now) }
        }
        if case .failure(let error) = result { self.error = error }
        self.takeEvents(bytes)
    }

    private func takeEvents(_ input: [UInt8]) {
        for event in self.buffers.events {
            switch event {
            case .headers(let stream, let fields):
                let texts = self.buffers.fields[fields].map { field in
                    let name =
                        field.name.text.map { "\($0)" }
                        ?? String(decoding: field.nameBytes, as: UTF8.self)
                    let value = String(decoding: field.value, as: UTF8.self)
                    return "\(name)=\(value)"
                }
                self.streams.append(stream)
                self.changes.append(self.kept.change(to: fields))
                self.log.append("\(stream.id) headers \(texts.joined(separator: " "))")
            case .data(let stream, let range):
                self.log.append("\(stream.id) data \(range.count)")
                self.received[stream.id, default: []] += input[range]
                if self.consumes { self.session.consume(stream, range.count) }
            case .halfClosed(let stream): self.log.append("\(stream.id) half-closed")
            case .finishedEarly(let stream): self.log.append("\(stream.id) finished early")
            case .closed(let stream, let code):
                self.log.append("\(stream.id) closed \(code.rawValue)")
            case .ping: self.log.append("ping")
            case .pong: self.log.append("pong")
            case .goAway(let code, _): self.log.append("go away \(code.rawValue)")
            }
        }
        self.buffers.clear()
    }

    var received: [Int32: [UInt8]] = [:]
}

/// A client and a server, joined.
struct SessionPair {
    let client: End
    let server: End

    init(server limits: SessionLimits = SessionLimits()) {
        self.client = End(.client)
        self.server = End(.server, limits: limits)
    }

    /// Carries bytes both ways until neither has anything to say.
    func exchange(step: Int = .max) {
        while true {
            let toServer = self.client.pull()
            let toClient = self.server.pull()
            guard !toServer.isEmpty || !toClient.isEmpty else { return }
            Self.carry(toServer, to: self.server, step)
            Self.carry(toClient, to: self.client, step)
        }
    }

    private static func carry(_ bytes: [UInt8], to end: End, _ step: Int) {
        var rest = bytes[...]
        while !rest.isEmpty {
            end.feed(Array(rest.prefix(step)))
            rest = rest.dropFirst(step)
        }
    }

    /// Sends a request with a body.
    @discardableResult
    func request(
        _ path: String = "/s/m",
        body: [UInt8] = [],
        extra: [(name: String, value: String)] = []
    ) -> StreamRef? {
        let stream = self.client.session.request(
            HeaderList(
                [
                    (name: ":method", value: "POST"), (name: ":scheme", value: "http"),
                    (name: ":path", value: path), (name: ":authority", value: "h"),
                ] + extra
            )
        )
        if let stream { self.client.bodies[stream.id] = body }
        return stream
    }
}

/// A frame as it is on the wire.
func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8]
{
    let count = payload.count
    return [
        UInt8(truncatingIfNeeded: count >> 16), UInt8(truncatingIfNeeded: count >> 8),
        UInt8(truncatingIfNeeded: count), type, flags, UInt8(truncatingIfNeeded: stream >> 24),
        UInt8(truncatingIfNeeded: stream >> 16), UInt8(truncatingIfNeeded: stream >> 8),
        UInt8(truncatingIfNeeded: stream),
    ] + payload
}

/// What a client sends before anything else.
let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4)
