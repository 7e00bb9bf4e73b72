import Synchronization

/// Who is at the other end of a connection, as far as the transport knows.
package final class Peer: Sendable {
    /// What TLS established.
    package struct TLS: Hashable, Sendable {
        /// The client's certificate as DER; nil if it sent none.
        package var certificate: [UInt8]?
        /// The certificate's Subject CN.
        package var commonName: String?
        /// The certificate's DNS subject alternative names.
        package var dnsNames: [String]
        /// The certificate's URI subject alternative names.
        package var uris: [String]
        /// Who issued the certificate, then who issued that one, up to the trusted authority.
        package var authorities: [Authority]
        /// The server name the client asked for (SNI).
        package var serverName: String?

        /// A certificate authority that vouches for the client.
        package struct Authority: Hashable, Sendable {
            /// The subject, as RFC 2253 writes it.
            package var subject: String
            /// SHA-256 of the public key; survives renewal of the authority's certificate.
            package var keyDigest: [UInt8]

            package init(subject: String, keyDigest: [UInt8]) {
                self.subject = subject
                self.keyDigest = keyDigest
            }
        }

        package init(
            certificate: [UInt8]? = nil,
            commonName: String? = nil,
            dnsNames: [String] = [],
            uris: [String] = [],
            authorities: [Authority] = [],
            serverName: String? = nil
        ) {
            self.certificate = certificate
            self.commonName = commonName
            self.dnsNames = dnsNames
            self.uris = uris
            self.authorities = authorities
            self.serverName = serverName
        }
    }

    /// The name of the listener that accepted the connection.
    package let listener: String
    /// `host:port` of the client; the socket's path for a unix socket.
    package let remoteAddress: String
    /// nil on a plaintext connection.
    package let tls: TLS?

    /// What the layer above has found out about the peer and would find out again at each call.
    private let cached = Mutex<(any AnyObject & Sendable)?>(nil)

    /// What ``remember(_:)`` was given last.
    package var remembered: (any AnyObject & Sendable)? { self.cached.withLock { $0 } }

    package func remember(_ finding: any AnyObject & Sendable) {
        self.cached.withLock { $0 = finding }
    }

    package init(listener: String, remoteAddress: String, tls: TLS? = nil) {
        self.listener = listener
        self.remoteAddress = remoteAddress
        self.tls = tls
    }
}
