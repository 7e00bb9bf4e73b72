import Glibc
import Synchronization

/// A socket that has its address and does not listen yet: nobody else can take the address, and
/// nobody can connect.
package final class BoundSocket: Sendable {
    static let addressInUse = EADDRINUSE
    /// Connections that may wait to be accepted; the kernel makes more wait at the client.
    static let backlog: CInt = 1_024

    /// With the port that the system chose in the place of port 0.
    package let address: Listener.Address
    /// Nil once it is somebody else's.
    private let descriptor: Mutex<CInt?>

    /// Binds an address. A socket file that nobody listens on is replaced.
    /// - Parameter mode: permission bits of a socket file; nil leaves them to the process's mask.
    package init(_ address: Listener.Address, mode: UInt32? = nil) throws(TransportError) {
        switch address {
        case .tcp(let host, let port):
            let descriptor = try Self.bind(host, port, address)
            self.address = .tcp(host: host, port: port == 0 ? Self.port(of: descriptor) : port)
            self.descriptor = Mutex(descriptor)
        case .unix(let path):
            self.descriptor = Mutex(try Self.bind(path, mode, address))
            self.address = address
        }
    }

    /// Looks whether a socket file can be made at a path; one that nobody listens on can be replaced.
    package static func check(_ path: String) throws(TransportError) {
        guard try SocketFile.exists(path) else { return }
        guard !SocketFile.isServed(path) else { throw .addressInUse(.unix(path: path)) }
    }

    deinit {
        if let descriptor = self.descriptor.withLock({ $0 }) { close(descriptor) }
    }

    /// Hands the socket over to the caller, once.
    func take() -> CInt {
        self.descriptor.withLock { descriptor in
            guard let taken = descriptor else {
                preconditionFailure("a bound socket is listened on once")
            }
            descriptor = nil
            return taken
        }
    }

    private static func bind(
        _ host: String,
        _ port: Int,
        _ address: Listener.Address
    ) throws(TransportError) -> CInt {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &found)
        guard code == 0, let first = found else {
            throw .cannotListen(address, reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(found) }
        let descriptor = socket(first.pointee.ai_family, self.type, 0)
        guard descriptor >= 0 else { throw self.failure(address) }
        var on: CInt = 1
        let size = socklen_t(MemoryLayout<CInt>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size)
        guard Glibc.bind(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
            throw self.failure(address, closing: descriptor)
        }
        return descriptor
    }

    private static func bind(
        _ path: String,
        _ mode: UInt32?,
        _ address: Listener.Address
    ) throws(TransportError) -> CInt {
        try SocketFile.prepare(path)
        guard var name = SocketFile.address(path) else {
            throw .cannotListen(address, reason: String(cString: strerror(ENAMETOOLONG)))
        }
        let descriptor = socket(AF_UNIX, self.type, 0)
        guard descriptor >= 0 else { throw self.failure(address) }
        // On Linux the file gets the socket's mode, less the process's mask: at no time is it open
        // to more than it will be.
        if let mode { fchmod(descriptor, mode) }
        let isBound = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound else { throw self.failure(address, closing: descriptor) }
        if let mode, chmod(path, mode) != 0 {
            let failure = self.failure(address, closing: descriptor)
            SocketFile.remove(path)
            throw failure
        }
        return descriptor
    }

    private static var type: CInt { Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue) }

    /// What `errno` says of an attempt to get an address.
    private static func failure(
        _ address: Listener.Address,
        closing descriptor: CInt? = nil
    ) -> TransportError {
        let code = errno
        if let descriptor { close(descriptor) }
        return code == EADDRINUSE
            ? .addressInUse(address)
            : .cannotListen(address, reason: String(cString: strerror(code)))
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
}
