/// How a server speaks TLS: what etcd's flags say, read but not yet loaded.
package struct ServerSettings: Sendable, Hashable {
    /// Which clients must show a certificate.
    package enum ClientCertificates: Sendable, Hashable {
        /// None is asked for.
        case ignored
        /// One is asked for and, when given, verified.
        case optional
        /// One is asked for and must verify.
        case required
    }

    /// PEM: the server's certificate, then the intermediates that lead to its CA.
    package var certificateFile: String
    /// PEM: the key of the first certificate, without a passphrase.
    package var keyFile: String
    /// PEM: the CAs that client certificates are checked against, all of all files.
    ///
    /// Any certificate in them is an anchor, an intermediate too, as with Go.
    package var trustedCAFiles: [String]
    package var clientCertificates: ClientCertificates
    /// PEM or DER: revoked client certificates.
    package var revocationFiles: [String]
    /// When not empty, a client certificate must have one of these as its subject's common name.
    package var allowedCommonNames: [String]
    /// When not empty, a client certificate must be valid for one of these names or addresses.
    package var allowedHostnames: [String]
    package var versions: ClosedRange<ProtocolVersion>
    /// Suites in order of preference; empty means the defaults, for either version.
    package var cipherSuites: [CipherSuite]
    /// ALPN protocols in order of preference.
    package var protocols: [String]

    /// Settings with the defaults of etcd: TLS 1.2 and above, clients' certificates required as
    /// soon as there is a CA to verify them with.
    package init(certificateFile: String, keyFile: String, trustedCAFile: String? = nil) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.trustedCAFiles = trustedCAFile.map { [$0] } ?? []
        self.clientCertificates = trustedCAFile == nil ? .ignored : .required
        self.revocationFiles = []
        self.allowedCommonNames = []
        self.allowedHostnames = []
        self.versions = .tls12 ... .tls13
        self.cipherSuites = []
        self.protocols = ["h2", "http/1.1"]
    }

    /// Refuses what contradicts itself.
    /// - Throws: ``TLSError/settings(_:)``.
    func check() throws(TLSError) {
        if self.clientCertificates != .ignored, self.trustedCAFiles.isEmpty {
            throw .settings("client certificates cannot be verified without a trusted CA file")
        }
        if self.clientCertificates == .ignored {
            if !self.revocationFiles.isEmpty {
                throw .settings("a revocation list file needs client certificates to check")
            }
            if !self.allowedCommonNames.isEmpty || !self.allowedHostnames.isEmpty {
                throw .settings("allowed client names need client certificates to check")
            }
        }
        if !self.allowedCommonNames.isEmpty, !self.allowedHostnames.isEmpty {
            throw .settings("allowed common names and allowed host names exclude each other")
        }
        if !self.cipherSuites.isEmpty, self.versions.lowerBound == .tls13 {
            // etcd's words.
            throw .settings("cipher suites cannot be configured when only TLS1.3 is enabled")
        }
    }
}

/// Trusted certificates that are in no file of their own.
package struct TrustedPEM: Sendable, Hashable {
    package var bytes: [UInt8]
    /// Where they come from, for errors.
    package var place: String

    package init(_ bytes: [UInt8], from place: String) {
        self.bytes = bytes
        self.place = place
    }
}

/// A certificate with its chain and its key that are in no file of their own.
package struct IdentityPEM: Sendable, Hashable, CustomStringConvertible {
    package var certificate: [UInt8]
    package var key: [UInt8]
    /// Where they come from, for errors.
    package var place: String

    package init(certificate: [UInt8], key: [UInt8], from place: String) {
        self.certificate = certificate
        self.key = key
        self.place = place
    }

    /// Shows no key.
    package var description: String { self.place }
}

/// How a client speaks TLS.
package struct ClientSettings: Sendable, Hashable {
    /// PEM: the CAs that the server is checked against; nil trusts what the system trusts.
    package var trustedCAFile: String?
    /// Whether the server's certificate and name are checked at all.
    package var verifiesServer: Bool
    /// PEM: what the client shows when asked, and its key.
    package var certificateFile: String?
    package var keyFile: String?
    /// In place of a file: the CAs that the server is checked against.
    package var trustedCA: TrustedPEM?
    /// In place of files: what the client shows when asked.
    package var identity: IdentityPEM?
    package var versions: ClosedRange<ProtocolVersion>
    /// Suites in order of preference; empty means the defaults.
    package var cipherSuites: [CipherSuite]
    /// ALPN protocols in order of preference; empty sends no ALPN.
    package var protocols: [String]

    package init(trustedCAFile: String? = nil) {
        self.trustedCAFile = trustedCAFile
        self.verifiesServer = true
        self.certificateFile = nil
        self.keyFile = nil
        self.trustedCA = nil
        self.identity = nil
        self.versions = .tls12 ... .tls13
        self.cipherSuites = []
        self.protocols = ["h2"]
    }

    /// Refuses what contradicts itself.
    /// - Throws: ``TLSError/settings(_:)``.
    func check() throws(TLSError) {
        if (self.certificateFile == nil) != (self.keyFile == nil) {
            throw .settings("a client's certificate file and key file come together")
        }
        if self.certificateFile != nil, self.identity != nil {
            throw .settings("a client shows one certificate, from files or from memory")
        }
    }
}
