import Glibc

/// The file of a unix socket, which outlives a server that was killed.
enum SocketFile {
    /// Removes a socket file that nobody listens on.
    /// - Throws: when there is something else at `path`, or somebody listens.
    static func prepare(_ path: String) throws(TransportError) {
        guard try self.exists(path) else { return }
        guard !Self.isServed(path) else { throw .addressInUse(.unix(path: path)) }
        Self.remove(path)
    }

    /// Removes the file, if there is one.
    static func remove(_ path: String) {
        unlink(path)
    }

    /// Whether there is a socket file.
    /// - Throws: when there is something else.
    static func exists(_ path: String) throws(TransportError) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0 else { return false }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        return true
    }

    static func isServed(_ path: String) -> Bool {
        guard let socket = Self.connect(to: path) else { return false }
        close(socket)
        return true
    }

    /// Connects to the socket at `path`.
    /// - Returns: nil when nobody listens there; `errno` says more.
    static func connect(to path: String) -> Int32? {
        guard var address = self.address(path) else { return nil }
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return nil }
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isConnected else {
            close(socket)
            return nil
        }
        return socket
    }

    /// The address of the socket at `path`; nil if the path is too long for one.
    static func address(_ path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let isCopied = withUnsafeMutableBytes(of: &address.sun_path) { place in
            guard bytes.count < place.count else { return false }
            place.copyBytes(from: bytes)
            return true
        }
        return isCopied ? address : nil
    }
}
