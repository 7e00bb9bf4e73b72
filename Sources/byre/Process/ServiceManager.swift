import Glibc

/// Tells the service manager that started the process, if one did, what the process is doing.
///
/// systemd: <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>
package enum ServiceManager {
    package enum State: String, Sendable {
        /// Starting is over: what waits for this service may go on.
        case ready = "READY=1"
        /// Stopping has begun.
        case stopping = "STOPPING=1"
    }

    /// Bytes that a path of a unix socket may have, the byte that ends it not among them.
    ///
    /// Linux: unix(7).
    private static let pathBytesMax = 107

    /// Sends one datagram to the socket that `NOTIFY_SOCKET` names.
    ///
    /// Without that variable nobody wants to know. What cannot be sent is left: a service manager that
    /// waits for it gives up by itself.
    /// - Returns: whether it was sent.
    @discardableResult
    package static func tell(_ state: State, environment: [String: String]) -> Bool {
        guard let path = environment["NOTIFY_SOCKET"], var address = Self.address(path) else {
            return false
        }
        let datagram = CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, datagram, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // An abstract name has no byte at its end: its length is that of the name alone.
        let length = MemoryLayout<sa_family_t>.size + path.utf8.count
        let message = Array(state.rawValue.utf8)
        let flags = CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, message, message.count, flags, $0, socklen_t(length))
            }
        }
        return sent == message.count
    }

    /// The address of a path, or of an abstract name that begins with `@`; nil for anything else.
    private static func address(_ path: String) -> sockaddr_un? {
        var bytes = Array(path.utf8)
        guard let first = bytes.first, (2...Self.pathBytesMax).contains(bytes.count) else {
            return nil
        }
        switch first {
        case UInt8(ascii: "/"): break
        case UInt8(ascii: "@"): bytes[0] = 0
        default: return nil
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }
}
