import Glibc

/// A non-blocking stream socket of a client.
package final class Socket {
    /// What a read or a write came to.
    package enum Progress {
        case bytes(Int)
        /// Nothing now; the poller will tell.
        case later
        case ended(String)
    }

    package let descriptor: Int32

    /// Begins to connect; the socket becomes writable when that is decided.
    package init(to address: Endpoint.Address) throws(Failure) {
        switch address {
        case .tcp(let host, let port): self.descriptor = try Self.connectTCP(host, port)
        case .unix(let path): self.descriptor = try Self.connectUnix(path)
        }
    }

    deinit {
        close(self.descriptor)
    }

    private static func connectTCP(_ host: String, _ port: UInt16) throws(Failure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &found)
        guard code == 0, let found else {
            throw Failure("\(host): \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(found) }
        let descriptor = try Self.open(found.pointee.ai_family)
        var yes: Int32 = 1
        setsockopt(
            descriptor,
            Int32(IPPROTO_TCP),
            TCP_NODELAY,
            &yes,
            socklen_t(MemoryLayout<Int32>.size)
        )
        try Self.begin(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen)
        return descriptor
    }

    private static func connectUnix(_ path: String) throws(Failure) -> Int32 {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: name.sun_path)
        guard path.utf8.count < room else { throw Failure("\(path): too long for a socket") }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = try Self.open(AF_UNIX)
        try withUnsafePointer(to: &name) { (pointer) throws(Failure) in
            let raw = UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            try Self.begin(descriptor, raw, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
        return descriptor
    }

    private static func open(_ family: Int32) throws(Failure) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, kind, 0)
        guard descriptor >= 0 else { throw Failure("socket: \(Self.reason)") }
        return descriptor
    }

    private static func begin(
        _ descriptor: Int32,
        _ address: UnsafePointer<sockaddr>?,
        _ length: socklen_t
    ) throws(Failure) {
        guard connect(descriptor, address, length) != 0, errno != EINPROGRESS else { return }
        let reason = Self.reason
        close(descriptor)
        throw Failure("connect: \(reason)")
    }

    private static var reason: String { String(cString: strerror(errno)) }

    /// Why connecting failed; nil when it did not.
    package var connectFailure: String? {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(self.descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        return code == 0 ? nil : String(cString: strerror(code))
    }

    package func read(into room: UnsafeMutableRawBufferPointer) -> Progress {
        while true {
            let count = recv(self.descriptor, room.baseAddress, room.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .ended("the server closed the connection") }
            if errno == EAGAIN { return .later }
            if errno != EINTR { return .ended(Self.reason) }
        }
    }

    package func write(_ bytes: UnsafeRawBufferPointer) -> Progress {
        while true {
            let count = send(
                self.descriptor,
                bytes.baseAddress,
                bytes.count,
                Int32(MSG_NOSIGNAL)
            )
            if count >= 0 { return .bytes(count) }
            if errno == EAGAIN { return .later }
            if errno != EINTR { return .ended(Self.reason) }
        }
    }
}
