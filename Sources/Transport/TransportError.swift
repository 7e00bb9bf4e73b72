/// Why a server cannot start.
package enum TransportError: Error, Hashable, Sendable, CustomStringConvertible {
    case addressInUse(Listener.Address)
    /// There is a file at the path and it is not a socket.
    case notASocket(path: String)
    case cannotListen(Listener.Address, reason: String)
    /// The event loops lack something of the system.
    case cannotStart(reason: String)

    package var description: String {
        switch self {
        case .addressInUse(let address): "\(address) is already in use"
        case .notASocket(let path): "\(path) exists and is not a socket"
        case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
        case .cannotStart(let reason): "cannot start the event loops: \(reason)"
        }
    }
}

extension Listener.Address: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
