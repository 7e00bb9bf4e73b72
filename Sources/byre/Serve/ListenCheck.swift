import Glibc

/// Looks whether listeners can be opened, before anything is changed on disk.
///
/// What is found may be outdated when the listener is opened; then opening it fails, later.
package enum ListenCheck {
    /// Tries to bind the address of `url`.
    /// - Parameter directoryToMake: where a socket file may be though there is no such directory yet.
    /// - Returns: `url`, with the port that the system chose in the place of port 0.
    /// - Throws: ``StartError`` when that is not possible.
    package static func check(
        _ url: ListenURL,
        directoryToMake: String
    ) throws(StartError) -> ListenURL {
        switch url.place {
        case .path(let path):
            let directory = self.directory(of: path)
            if access(directory, F_OK) != 0, directory != directoryToMake {
                throw self.failure(url)
            }
            try self.checkSocketFile(path, url)
            return url
        case .host(let host, let port):
            return url.with(port: try self.bind(self.literal(host), port, url))
        }
    }

    /// The address that a host stands for; `localhost` is the IPv4 one, as in Go.
    package static func literal(_ host: String) -> String {
        host == "localhost" ? "127.0.0.1" : host
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func bind(
        _ host: String,
        _ port: Int,
        _ url: ListenURL
    ) throws(StartError) -> Int {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &found)
        guard code == 0, let address = found else {
            throw StartError("cannot listen on \(url): \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(found) }
        let descriptor = socket(address.pointee.ai_family, hints.ai_socktype, 0)
        guard descriptor >= 0 else { throw self.failure(url) }
        defer { close(descriptor) }
        var on: CInt = 1
        setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_REUSEADDR,
            &on,
            socklen_t(MemoryLayout<CInt>.size)
        )
        guard Glibc.bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0,
            // Two sockets with SO_REUSEADDR may be bound to one address, but not listen on it.
            listen(descriptor, 1) == 0
        else {
            throw self.failure(url)
        }
        return port == 0 ? self.port(of: descriptor) : port
    }

    /// The port that the system has chosen for a bound socket.
    private static func port(of descriptor: CInt) -> Int {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = getsockname(descriptor, address, &length)
            }
            // The port is at the same place for IPv4 and IPv6.
            return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
                Int(UInt16(bigEndian: address.pointee.sin_port))
            }
        }
    }

    /// Looks whether somebody listens at `path`, and whether something else is there.
    private static func checkSocketFile(
        _ path: String,
        _ url: ListenURL
    ) throws(StartError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw StartError("cannot listen on \(url): there is a file that is no socket")
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw self.failure(url) }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { place in
            place.copyBytes(from: path.utf8.prefix(place.count - 1))
        }
        let isServed = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        if isServed {
            throw StartError("cannot listen on \(url): it is in use")
        }
    }

    private static func failure(_ url: ListenURL) -> StartError {
        let code = errno
        let reason = code == EADDRINUSE ? "it is in use" : String(cString: strerror(code))
        return StartError("cannot listen on \(url): \(reason)")
    }
}
