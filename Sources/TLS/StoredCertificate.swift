import COpenSSL

/// What can be told of a certificate and key that somebody stored, without using them.
package struct StoredCertificate: Hashable, Sendable {
    /// Seconds since 1970, both inclusive; 0 for one that is malformed.
    package let notBefore: Int64
    package let notAfter: Int64
    package let commonName: String?
    /// The URIs among the subject alternative names.
    package let uris: [String]

    /// Reads a certificate and its key, both in PEM.
    /// - Throws: ``TLSError/settings(_:)`` when either cannot be read, or they do not belong together.
    package init(certificate: [UInt8], key: [UInt8]) throws(TLSError) {
        OpenSSL.clearErrors()
        let certificate = try Self.certificate(certificate)
        let key = try OpenSSL.withReader(of: key) { (reader) throws(TLSError) in
            PEM_read_bio_PrivateKey(reader, nil, refusePassphrase, nil)
                .map(PrivateKey.init(taking:))
        }
        guard let key else {
            OpenSSL.clearErrors()
            throw .settings("the key is no private key in PEM")
        }
        guard X509_check_private_key(certificate.x509, key.key) == 1 else {
            OpenSSL.clearErrors()
            throw .settings("the key is another certificate's")
        }
        self.notBefore = certificate.beginSeconds ?? 0
        self.notAfter = certificate.endSeconds ?? 0
        self.commonName = PeerCertificate.commonName(of: certificate.x509)
        self.uris = PeerCertificate.alternativeNames(of: certificate.x509).uris
    }

    /// Reads the first certificate of a text.
    fileprivate static func certificate(_ bytes: [UInt8]) throws(TLSError) -> Certificate {
        let certificate = try OpenSSL.withReader(of: bytes) { (reader) throws(TLSError) in
            PEM_read_bio_X509(reader, nil, refusePassphrase, nil).map(Certificate.init(taking:))
        }
        guard let certificate else {
            OpenSSL.clearErrors()
            throw .settings("the certificate is none in PEM")
        }
        return certificate
    }
}

extension Authority {
    /// When the authority ends, in seconds since 1970: nothing that it issues is valid for longer.
    package var notAfter: Int64 { self.certificate.endSeconds ?? 0 }

    /// Whether this authority, with this key, has issued the first certificate of a text in PEM.
    package func hasIssued(_ certificate: [UInt8]) -> Bool {
        OpenSSL.clearErrors()
        defer { OpenSSL.clearErrors() }
        guard let certificate = try? StoredCertificate.certificate(certificate) else {
            return false
        }
        return X509_check_issued(self.certificate.x509, certificate.x509) == X509_V_OK
            && X509_verify(certificate.x509, self.key.key) == 1
    }
}
