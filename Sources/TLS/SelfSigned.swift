import COpenSSL

/// Certificates that vouch for themselves, for `--auto-tls`: the traffic is encrypted, and nobody
/// is proven to be anybody.
package enum SelfSigned {
    /// A certificate and its key, both in PEM.
    package struct Pair: Sendable {
        package let certificate: [UInt8]
        package let key: [UInt8]
    }

    /// How long a certificate is valid unless told otherwise: one year, etcd's
    /// `--self-signed-cert-validity`.
    package static let validityYears = 1

    /// Makes a server certificate with a new ECDSA P-256 key.
    /// - Parameters:
    ///   - hosts: the names and addresses to be valid for, without ports.
    ///   - years: of 365 days, from now on.
    /// - Throws: ``TLSError/settings(_:)`` for a host that no certificate can name, and
    ///   ``TLSError/library(_:)``.
    package static func make(
        hosts: [String],
        years: Int = Self.validityYears
    ) throws(TLSError) -> Pair {
        OpenSSL.clearErrors()
        let key = try KeyKind.ecdsa.make()
        let secondsPerYear = 365 * 24 * 60 * 60
        let builder = try CertificateBuilder(of: key, validSeconds: years * secondsPerYear)
        // One organisation, no common name: like etcd's own.
        try builder.addToSubject("O", "Byre")
        try builder.setIssuer(nil)
        try builder.add(NID_basic_constraints, "critical,CA:FALSE")
        try builder.add(NID_key_usage, "critical,digitalSignature")
        try builder.add(NID_ext_key_usage, "serverAuth")
        try builder.addAlternativeNames(hosts: hosts)
        return Pair(certificate: try builder.signed(with: key), key: try key.written())
    }

    /// Settings for a server with the certificate in `directory`, which is made if there is none.
    ///
    /// As with etcd, the files are `cert.pem` and `key.pem`, and what is there is used as it is.
    /// - Throws: also ``TLSError/file(_:path:problem:)`` when the files cannot be written.
    package static func settings(
        in directory: String,
        hosts: [String]
    ) throws(TLSError) -> ServerSettings {
        let certificateFile = directory + "/cert.pem"
        let keyFile = directory + "/key.pem"
        if !File.exists(certificateFile) || !File.exists(keyFile) {
            let pair = try self.make(hosts: hosts)
            try File.makeDirectory(directory, as: .certificate)
            try File.write(pair.key, to: keyFile, as: .key, mode: 0o600)
            try File.write(
                pair.certificate,
                to: certificateFile,
                as: .certificate,
                mode: 0o644
            )
        }
        return ServerSettings(certificateFile: certificateFile, keyFile: keyFile)
    }
}
