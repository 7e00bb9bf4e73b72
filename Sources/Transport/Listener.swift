import GRPC
package import TLS

/// A place where connections are accepted.
package struct Listener: Sendable {
    package enum Address: Hashable, Sendable {
        /// A name or a literal IPv4 or IPv6 address; port 0 lets the system choose.
        case tcp(host: String, port: Int)
        /// The path of a socket file. One that nobody listens on is replaced.
        case unix(path: String)
    }

    /// What the connections of this listener are called: ``Peer/listener``.
    package var name: String
    package var address: Address
    /// Certificates and rules of TLS; nil for plaintext.
    package var security: ReloadingContext?
    /// Permission bits of the socket file; nil leaves them to the process's mask.
    package var socketMode: UInt32?
    /// A socket that is bound to ``address`` already.
    package var socket: BoundSocket?

    package init(name: String, address: Address, security: ReloadingContext? = nil) {
        self.name = name
        self.address = address
        self.security = security
    }
}

/// What the secure layer of a connection fires as a user event, once, before it passes plaintext.
enum SecureLayerEvent: Sendable {
    /// The handshake is done.
    case established(Peer.TLS)
}
