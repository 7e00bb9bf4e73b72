import HTTP2

/// One end of a connection in memory, whose bodies are all the same.
private final class MicroEnd: SessionBodies {
    let session: Session
    let buffers = SessionBuffers()
    let body: [UInt8]
    let trailers: HeaderList?
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)

    init(_ role: SessionRole, body: [UInt8], trailers: HeaderList?) {
        self.session = Session(role: role, limits: SessionLimits(), buffers: self.buffers)
        self.body = body
        self.trailers = trailers
    }

    deinit {
        self.output.deallocate()
    }

    func read(_ stream: StreamRef, into buffer: UnsafeMutableRawBufferPointer) -> BodyRead {
        // A body of some hundred bytes fits into any frame.
        buffer.copyBytes(from: self.body)
        return .last(self.body.count, trailers: self.trailers)
    }

    /// Carries what this end has to say to the other.
    /// - Returns: the streams whose request or answer is whole.
    func speak(to other: MicroEnd) throws(HTTP2Error) -> [StreamRef] {
        var whole: [StreamRef] = []
        while true {
            let count = try self.session.pull(into: self.output, from: self)
            self.buffers.clear()
            guard count > 0 else { return whole }
            try other.session.feed(UnsafeRawBufferPointer(rebasing: self.output[..<count]), now: 0)
            for event in other.buffers.events {
                switch event {
                case .data(let stream, let range): other.session.consume(stream, range.count)
                case .halfClosed(let stream): whole.append(stream)
                default: break
                }
            }
            other.buffers.clear()
        }
    }
}

extension MicroBenchmark {
    /// A unary call over two sessions in memory: request, answer, trailers.
    static let unaryCall = MicroBenchmark(name: "unary-call", iterations: 2_000) {
        let request = HeaderList([
            (":method", "POST"), (":scheme", "http"), (":path", "/etcdserverpb.KV/Range"),
            (":authority", "127.0.0.1:2379"), ("content-type", "application/grpc"),
            ("te", "trailers"),
        ])
        let answer = HeaderList([(":status", "200"), ("content-type", "application/grpc")])
        let trailers = HeaderList([("grpc-status", "0")])
        let client = MicroEnd(.client, body: [UInt8](repeating: 1, count: 60), trailers: nil)
        let server = MicroEnd(.server, body: [UInt8](repeating: 2, count: 600), trailers: trailers)
        return { _ in
            guard client.session.request(request) != nil else {
                throw Surprise(what: "the session takes no requests")
            }
            for stream in try client.speak(to: server) { server.session.respond(stream, answer) }
            guard try server.speak(to: client).count == 1 else {
                throw Surprise(what: "no answer came")
            }
            _ = try client.speak(to: server)
        }
    }
}
