package import TLS
package import Tenancy

/// A place to listen on and the rules there, whether flags or the configuration file ask for it.
package struct ListenerSpec: Hashable, Sendable {
    package enum Role: Hashable, Sendable {
        /// The etcd API, and HTTP beside it.
        case client
        /// HTTP for clients, without the etcd API.
        case http
        /// Metrics and health.
        case metrics
        /// The admin API.
        case admin
    }

    package var role: Role
    package var url: ListenURL
    /// Nil unless the URL has TLS.
    package var tls: TLSSpec?
    package var rules: IdentityRules
    /// Permission bits of a unix socket's file; nil leaves them to the process's mask.
    package var socketMode: UInt32?
    /// The flag that names it, or its place in the configuration file.
    package var origin: String
}

/// Certificates and rules of TLS, by the names of their files.
package struct TLSSpec: Hashable, Sendable {
    package enum Certificates: Hashable, Sendable {
        /// PEM files, read again when they change.
        case files(certificate: String, key: String)
        /// Self-signed, generated in the data directory if it is not there yet.
        case generated
    }

    package var certificates: Certificates
    /// Those who vouch for clients, who must then show a certificate; empty asks for none.
    package var trustedCAFiles: [String] = []
    package var revocationFiles: [String] = []
    package var allowedHostnames: [String] = []
    package var versionMin = ProtocolVersion.tls12
    package var versionMax = ProtocolVersion.tls13
    package var cipherSuites: [String] = []

    package init(_ certificates: Certificates) {
        self.certificates = certificates
    }
}
