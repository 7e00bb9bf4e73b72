/// What can go wrong with TLS.
///
/// Each case says it in one line.
package enum TLSError: Error, Hashable, Sendable {
    /// A file cannot be used: which one, and what is wrong with it.
    case file(FileRole, path: String, problem: String)

    /// Settings contradict each other or name something unknown.
    case settings(String)

    /// The peer does not speak TLS; a browser or a client without TLS on a TLS port, most often.
    case notTLS

    /// The peer's certificate is missing or was refused.
    case certificate(String)

    /// The peer broke the protocol, has nothing in common with us, or sent an alert.
    case handshake(String)

    /// Something was to be sent over a connection that is not, or no longer, open.
    case closed

    /// OpenSSL failed for a reason that is neither the peer's nor the administrator's: memory.
    case library(String)
}

/// What a file is to TLS, in the words of the command line.
package enum FileRole: String, Sendable {
    case certificate = "certificate file"
    case key = "key file"
    case trustedCA = "trusted CA file"
    case revocations = "revocation list file"
}

extension TLSError: CustomStringConvertible {
    /// One line, for people: what, where, why.
    package var description: String {
        switch self {
        case .file(let role, let path, let problem): "\(role.rawValue) \(path): \(problem)"
        case .settings(let problem): problem
        case .notTLS: "the peer does not speak TLS"
        case .certificate(let problem): "peer certificate: \(problem)"
        case .handshake(let problem): "TLS: \(problem)"
        case .closed: "the TLS connection is closed"
        case .library(let problem): "OpenSSL: \(problem)"
        }
    }
}
