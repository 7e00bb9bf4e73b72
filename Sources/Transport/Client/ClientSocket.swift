import Glibc

/// A connected socket of a client.
enum ClientSocket {
    /// How long an address may take to answer; Linux alone would wait for two minutes.
    private static let connectSecondsMax = 10

    static func connect(to address: Listener.Address) throws(Client.Failure) -> Int32 {
        switch address {
        case .unix(let path):
            guard let socket = SocketFile.connect(to: path) else {
                throw .cannotConnect("\(address): \(Self.lastError())")
            }
            return socket
        case .tcp(let host, let port):
            return try Self.connect(host, port)
        }
    }

    private static func connect(_ host: String, _ port: Int) throws(Client.Failure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0 else {
            throw .cannotConnect("\(host): no such host")
        }
        defer { freeaddrinfo(found) }
        var next = found
        while let info = next?.pointee {
            let socket = socket(info.ai_family, info.ai_socktype, info.ai_protocol)
            Self.limitSending(socket, seconds: Self.connectSecondsMax)
            if socket >= 0, Glibc.connect(socket, info.ai_addr, info.ai_addrlen) == 0 {
                Self.limitSending(socket, seconds: 0)
                var on: Int32 = 1
                setsockopt(
                    socket,
                    Int32(IPPROTO_TCP),
                    TCP_NODELAY,
                    &on,
                    socklen_t(MemoryLayout<Int32>.size)
                )
                return socket
            }
            if socket >= 0 { close(socket) }
            next = info.ai_next
        }
        throw .cannotConnect("\(host):\(port): \(Self.lastError())")
    }

    /// Limits how long connecting and sending may block; 0 for no limit.
    ///
    /// Linux: socket(7), SO_SNDTIMEO.
    private static func limitSending(_ socket: Int32, seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(
            socket,
            SOL_SOCKET,
            SO_SNDTIMEO,
            &time,
            socklen_t(MemoryLayout<timeval>.size)
        )
    }

    private static func lastError() -> String {
        // What a connection attempt says whose time is over, which reads as if it went on.
        errno == EINPROGRESS ? "no answer" : String(cString: strerror(errno))
    }
}
