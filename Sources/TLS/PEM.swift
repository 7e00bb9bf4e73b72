import COpenSSL

/// A certificate as OpenSSL holds it; freed with this object.
final class Certificate {
    let x509: OpaquePointer

    /// Takes over one reference.
    init(taking x509: OpaquePointer) {
        self.x509 = x509
    }

    deinit {
        X509_free(self.x509)
    }

    /// Why the certificate is not valid at this moment; nil when it is.
    var validityProblem: String? {
        if X509_cmp_time(X509_get0_notAfter(self.x509), nil) < 0 {
            return "expired on \(text(of: X509_get0_notAfter(self.x509)))"
        }
        if X509_cmp_time(X509_get0_notBefore(self.x509), nil) > 0 {
            return "is not valid before \(text(of: X509_get0_notBefore(self.x509)))"
        }
        return nil
    }

    /// The first second it is valid, since 1970; nil when the date is malformed.
    var beginSeconds: Int64? { seconds(of: X509_get0_notBefore(self.x509)) }

    /// The last second it is valid, since 1970; nil when the date is malformed.
    var endSeconds: Int64? { seconds(of: X509_get0_notAfter(self.x509)) }

    /// The last day it is valid, in UTC: `2027-11-23`.
    var lastDay: String {
        String(text(of: X509_get0_notAfter(self.x509)).prefix { $0 != " " })
    }
}

/// A private key as OpenSSL holds it; freed with this object.
final class PrivateKey {
    let key: OpaquePointer

    /// Takes over one reference.
    init(taking key: OpaquePointer) {
        self.key = key
    }

    deinit {
        EVP_PKEY_free(self.key)
    }
}

/// A revocation list as OpenSSL holds it; freed with this object.
final class RevocationList {
    let crl: OpaquePointer

    /// Takes over one reference.
    init(taking crl: OpaquePointer) {
        self.crl = crl
    }

    deinit {
        X509_CRL_free(self.crl)
    }

    /// Why the list is not the newest there should be; nil when it is.
    var validityProblem: String? {
        guard let next = X509_CRL_get0_nextUpdate(self.crl), X509_cmp_time(next, nil) < 0 else {
            return nil
        }
        return "should have been replaced by \(text(of: next))"
    }

    /// Whether the list names the certificate.
    func names(_ certificate: OpaquePointer) -> Bool {
        // 2 for one that is on a list only to say that it is revoked no more.
        X509_CRL_get0_by_cert(self.crl, nil, certificate) == 1
    }

    /// Whether the list is the issuer's.
    func isSigned(by issuer: OpaquePointer) -> Bool {
        guard
            X509_NAME_cmp(X509_CRL_get_issuer(self.crl), X509_get_subject_name(issuer)) == 0
        else { return false }
        defer { OpenSSL.clearErrors() }
        return X509_CRL_verify(self.crl, X509_get0_pubkey(issuer)) == 1
    }

    /// Whether the list was issued before another one.
    func isOlder(than other: RevocationList) -> Bool {
        ASN1_TIME_compare(
            X509_CRL_get0_lastUpdate(self.crl),
            X509_CRL_get0_lastUpdate(other.crl)
        ) < 0
    }
}

/// What the files of an administrator hold, taken apart.
///
/// RFC 7468.
enum PEM {
    /// Reads all certificates of the file at `path`, in order; what else it holds is skipped.
    /// - Throws: ``TLSError/file(_:path:problem:)``, also when there is none.
    static func certificates(at path: String, as role: FileRole) throws(TLSError) -> [Certificate] {
        try self.certificates(in: try File.read(path, as: role), path, as: role)
    }

    /// Takes all certificates out of `bytes`; `place` is what errors call them.
    static func certificates(
        in bytes: [UInt8],
        _ place: String,
        as role: FileRole
    ) throws(TLSError) -> [Certificate] {
        try self.all(in: bytes, place, role, "certificate") { reader in
            PEM_read_bio_X509(reader, nil, refusePassphrase, nil)
                .map(Certificate.init(taking:))
        }
    }

    /// Reads the first private key of the file at `path`.
    /// - Throws: ``TLSError/file(_:path:problem:)``, also when the key needs a passphrase.
    static func key(at path: String) throws(TLSError) -> PrivateKey {
        try self.key(in: try File.read(path, as: .key), path)
    }

    /// Takes the first private key out of `bytes`; `path` is what errors call them.
    static func key(in bytes: [UInt8], _ path: String) throws(TLSError) -> PrivateKey {
        var isEncrypted = false
        let key = try OpenSSL.withReader(of: bytes) { (reader) throws(TLSError) in
            OpenSSL.clearErrors()
            return PEM_read_bio_PrivateKey(reader, nil, refusePassphrase, &isEncrypted)
        }
        if let key { return PrivateKey(taking: key) }
        // OpenSSL tries one format after the other, and its last reason says nothing about any.
        OpenSSL.clearErrors()
        let problem =
            if isEncrypted {
                "the key is protected by a passphrase"
            } else if String(decoding: bytes, as: UTF8.self).contains("PRIVATE KEY-----") {
                "holds a malformed private key"
            } else {
                "holds no private key in PEM"
            }
        throw .file(.key, path: path, problem: problem)
    }

    /// Reads all revocation lists of the file at `path`, or the one it is in DER.
    /// - Throws: ``TLSError/file(_:path:problem:)``, also when there is none.
    static func revocationLists(at path: String) throws(TLSError) -> [RevocationList] {
        let bytes = try File.read(path, as: .revocations)
        let sequenceTag: UInt8 = 0x30
        if bytes.first == sequenceTag {
            let crl = try OpenSSL.withReader(of: bytes) { (reader) throws(TLSError) in
                OpenSSL.clearErrors()
                return d2i_X509_CRL_bio(reader, nil)
            }
            guard let crl else {
                throw .file(
                    .revocations,
                    path: path,
                    problem: "the revocation list is malformed: \(OpenSSL.takeReason())"
                )
            }
            return [RevocationList(taking: crl)]
        }
        return try self.all(in: bytes, path, .revocations, "revocation list") { reader in
            PEM_read_bio_X509_CRL(reader, nil, refusePassphrase, nil)
                .map(RevocationList.init(taking:))
        }
    }

    /// Reads with `next` until it finds nothing more.
    private static func all<Item>(
        in bytes: [UInt8],
        _ path: String,
        _ role: FileRole,
        _ kind: String,
        _ next: (OpaquePointer) -> Item?
    ) throws(TLSError) -> [Item] {
        try OpenSSL.withReader(of: bytes) { (reader) throws(TLSError) -> [Item] in
            var found: [Item] = []
            OpenSSL.clearErrors()
            while let one = next(reader) {
                found.append(one)
            }
            if found.isEmpty || OpenSSL.reasonCode != PEM_R_NO_START_LINE {
                throw .file(role, path: path, problem: self.problem(kind, isFirst: found.isEmpty))
            }
            OpenSSL.clearErrors()
            return found
        }
    }

    /// Why the latest attempt to read one more `kind` failed.
    private static func problem(_ kind: String, isFirst: Bool) -> String {
        if OpenSSL.reasonCode == PEM_R_NO_START_LINE, isFirst {
            OpenSSL.clearErrors()
            return "holds no \(kind) in PEM"
        }
        return "holds a malformed \(kind): \(OpenSSL.takeReason())"
    }
}

/// Keeps OpenSSL from asking for a passphrase on the terminal.
///
/// `context`, if any, is a `Bool` that learns of it.
///
/// OpenSSL: <https://docs.openssl.org/3.0/man3/pem_password_cb/>
func refusePassphrase(
    _: UnsafeMutablePointer<CChar>?,
    _: CInt,
    _: CInt,
    _ context: UnsafeMutableRawPointer?
) -> CInt {
    context?.assumingMemoryBound(to: Bool.self).pointee = true
    return 0
}

/// A date of a certificate in seconds since 1970; nil for a malformed one.
private func seconds(of time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    var parts = tm()
    guard ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
    return Int64(timegm(&parts))
}

/// A date of a certificate, in UTC: `2026-11-23 03:39:00Z`.
private func text(of time: UnsafePointer<ASN1_TIME>?) -> String {
    var parts = tm()
    guard ASN1_TIME_to_tm(time, &parts) == 1 else { return "a malformed date" }
    func padded(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let date = "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))"
    return "\(date) \(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec))Z"
}
