package import GRPC
package import NIOCore

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
    /// What stands between sockets and HTTP; nil for plaintext.
    package var security: (any SecureLayer)?

    package init(name: String, address: Address, security: (any SecureLayer)? = nil) {
        self.name = name
        self.address = address
        self.security = security
    }
}

/// What turns the bytes of a socket into those of HTTP and back: TLS.
package protocol SecureLayer: Sendable {
    /// Makes the handler of one connection, called on its loop. It passes plaintext in
    /// `channelRead`, takes plaintext in `write`, and fires ``SecureLayerEvent`` once before the first.
    func makeHandler() -> any ChannelDuplexHandler
}

/// What a secure layer's handler fires as a user event.
package enum SecureLayerEvent: Sendable {
    /// The handshake is done.
    case established(Peer.TLS)
}
