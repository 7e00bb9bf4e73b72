import COpenSSL
import Glibc

/// A certificate in the making: filled in, then signed once.
///
/// OpenSSL: <https://docs.openssl.org/3.0/man3/X509_sign/>
struct CertificateBuilder {
    let certificate: Certificate
    private var x509: OpaquePointer { self.certificate.x509 }

    /// Starts a certificate of version 3 for `key`, with a random serial number.
    /// - Parameters:
    ///   - backdatedSeconds: how long ago its validity began, for peers whose clocks are behind.
    ///   - validSeconds: how long it is valid from now on.
    init(
        of key: PrivateKey,
        backdatedSeconds: Int = 0,
        validSeconds: Int
    ) throws(TLSError) {
        self.certificate = Certificate(
            taking: try OpenSSL.check(X509_new(), "making a certificate")
        )
        let version3: Int = 2
        try OpenSSL.check(X509_set_version(self.x509, version3), "making a certificate")
        try self.setSerialNumber()
        guard X509_gmtime_adj(X509_getm_notBefore(self.x509), -backdatedSeconds) != nil,
            X509_gmtime_adj(X509_getm_notAfter(self.x509), validSeconds) != nil
        else { throw .library("making a certificate: \(OpenSSL.takeReason())") }
        try OpenSSL.check(X509_set_pubkey(self.x509, key.key), "making a certificate")
    }

    /// A random number of 127 bits: positive, and never the same twice.
    private func setSerialNumber() throws(TLSError) {
        let number = try OpenSSL.check(BN_new(), "making a certificate")
        defer { BN_free(number) }
        try OpenSSL.check(
            BN_rand(number, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY),
            "making a serial number"
        )
        guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(self.x509)) != nil else {
            throw .library("making a serial number: \(OpenSSL.takeReason())")
        }
    }

    /// Adds one field of the subject, as `CN` or `O`.
    /// - Throws: ``TLSError/settings(_:)`` when the text is too long for the field or empty.
    func addToSubject(_ field: StaticString, _ text: String) throws(TLSError) {
        let added = X509_NAME_add_entry_by_txt(
            X509_get_subject_name(self.x509),
            field.description,
            MBSTRING_UTF8,
            text,
            -1,
            -1,
            0
        )
        guard added == 1 else {
            throw .settings(
                "\"\(text)\" cannot be the \(field) of a certificate: \(OpenSSL.takeReason())"
            )
        }
    }

    /// Names who vouches for it: `authority`, or the certificate itself.
    ///
    /// It ends no later than its authority.
    func setIssuer(_ authority: Certificate?) throws(TLSError) {
        let issuer = authority?.x509 ?? self.x509
        try OpenSSL.check(
            X509_set_issuer_name(self.x509, X509_get_subject_name(issuer)),
            "making a certificate"
        )
        guard authority != nil, let end = X509_get0_notAfter(issuer),
            ASN1_TIME_compare(X509_get0_notAfter(self.x509), end) > 0
        else { return }
        try OpenSSL.check(X509_set1_notAfter(self.x509, end), "making a certificate")
    }

    /// Adds an extension in the words of OpenSSL's configuration files.
    /// - Parameter authority: who signs, for extensions that speak of it; nil for itself.
    func add(
        _ kind: CInt,
        _ value: StaticString,
        authority: Certificate? = nil
    ) throws(TLSError) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, authority?.x509 ?? self.x509, self.x509, nil, nil, 0)
        let made = X509V3_EXT_conf_nid(nil, &context, kind, value.description)
        let it = try OpenSSL.check(made, "making a certificate")
        defer { X509_EXTENSION_free(it) }
        try OpenSSL.check(X509_add_ext(self.x509, it, -1), "making a certificate")
    }

    /// Adds subject alternative names: hosts, each as the name or address it is, and URIs.
    /// - Throws: ``TLSError/settings(_:)`` for what no certificate can name.
    func addAlternativeNames(hosts: [String], uris: [String] = []) throws(TLSError) {
        let names = try OpenSSL.check(GENERAL_NAMES_new(), "making a certificate")
        defer { GENERAL_NAMES_free(names) }
        for host in hosts {
            let isAddress = [AF_INET, AF_INET6].contains { family in
                withUnsafeTemporaryAllocation(byteCount: 16, alignment: 4) {
                    inet_pton(family, host, $0.baseAddress) == 1
                }
            }
            guard isAddress || Self.isName(host) else {
                throw .settings("\"\(host)\" is neither a host name nor an address")
            }
            try Self.push(isAddress ? GEN_IPADD : GEN_DNS, host, to: names)
        }
        for uri in uris {
            guard uri.contains(":"), uri.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                throw .settings("\"\(uri)\" is no URI")
            }
            try Self.push(GEN_URI, uri, to: names)
        }
        guard !hosts.isEmpty || !uris.isEmpty else { return }
        try OpenSSL.check(
            X509_add1_ext_i2d(
                self.x509,
                NID_subject_alt_name,
                UnsafeMutableRawPointer(names),
                0,
                0
            ),
            "naming a certificate"
        )
    }

    private static func push(
        _ kind: CInt,
        _ text: String,
        to names: OpaquePointer
    ) throws(TLSError) {
        guard let name = a2i_GENERAL_NAME(nil, nil, nil, kind, text, 0) else {
            throw .library("naming a certificate: \(OpenSSL.takeReason())")
        }
        guard byre_sk_GENERAL_NAME_push(names, name) > 0 else {
            GENERAL_NAME_free(name)
            throw .library("naming a certificate: \(OpenSSL.takeReason())")
        }
    }

    /// Whether `host` may stand in a certificate as a DNS name: RFC 1123, a `*` in front allowed.
    private static func isName(_ host: String) -> Bool {
        let nameBytesMax = 253
        return !host.isEmpty && host.utf8.count <= nameBytesMax
            && host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "*"):
                    true
                default:
                    false
                }
            }
    }

    /// Signs it, with SHA-256, and writes it in PEM.
    func signed(with key: PrivateKey) throws(TLSError) -> [UInt8] {
        guard X509_sign(self.x509, key.key, EVP_sha256()) > 0 else {
            throw .library("signing a certificate: \(OpenSSL.takeReason())")
        }
        return try OpenSSL.written { (writer) throws(TLSError) in
            try OpenSSL.check(PEM_write_bio_X509(writer, self.x509), "writing a certificate")
        }
    }
}

/// What a new key is.
package enum KeyKind: String, Sendable, CaseIterable {
    /// ECDSA on P-256: small, and quick at both ends.
    case ecdsa
    /// RSA with 3072 bits, for peers that know nothing newer.
    case rsa

    private static let rsaBits = 3_072

    /// Makes a key.
    func make() throws(TLSError) -> PrivateKey {
        let made =
            switch self {
            case .ecdsa: byre_EVP_EC_gen_P256()
            case .rsa: byre_EVP_RSA_gen(Self.rsaBits)
            }
        return PrivateKey(taking: try OpenSSL.check(made, "making a key"))
    }
}

extension PrivateKey {
    /// The key in PEM (PKCS #8), without a passphrase.
    func written() throws(TLSError) -> [UInt8] {
        try OpenSSL.written { (writer) throws(TLSError) in
            try OpenSSL.check(
                PEM_write_bio_PrivateKey(writer, self.key, nil, nil, 0, nil, nil),
                "writing a key"
            )
        }
    }
}
