import COpenSSL
import Glibc

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
        let key = PrivateKey(
            taking: try OpenSSL.check(byre_EVP_EC_gen_P256(), "making a key")
        )
        let certificate = Certificate(
            taking: try OpenSSL.check(X509_new(), "making a certificate")
        )
        let x509 = certificate.x509

        let version3: Int = 2
        try OpenSSL.check(X509_set_version(x509, version3), "making a certificate")
        try self.setSerialNumber(of: x509)
        let secondsPerYear = 365 * 24 * 60 * 60
        guard X509_gmtime_adj(X509_getm_notBefore(x509), 0) != nil,
            X509_gmtime_adj(X509_getm_notAfter(x509), years * secondsPerYear) != nil
        else { throw .library("making a certificate: \(OpenSSL.takeReason())") }

        // One organisation, no common name: like etcd's own.
        let name = X509_get_subject_name(x509)
        try OpenSSL.check(
            X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, "Byre", -1, -1, 0),
            "making a certificate"
        )
        try OpenSSL.check(X509_set_issuer_name(x509, name), "making a certificate")
        try OpenSSL.check(X509_set_pubkey(x509, key.key), "making a certificate")
        try self.add(NID_basic_constraints, "critical,CA:FALSE", to: x509)
        try self.add(NID_key_usage, "critical,digitalSignature", to: x509)
        try self.add(NID_ext_key_usage, "serverAuth", to: x509)
        try self.addNames(hosts, to: x509)
        guard X509_sign(x509, key.key, EVP_sha256()) > 0 else {
            throw .library("signing a certificate: \(OpenSSL.takeReason())")
        }
        return Pair(
            certificate: try OpenSSL.written { (writer) throws(TLSError) in
                try OpenSSL.check(PEM_write_bio_X509(writer, x509), "writing a certificate")
            },
            key: try OpenSSL.written { (writer) throws(TLSError) in
                try OpenSSL.check(
                    PEM_write_bio_PrivateKey(writer, key.key, nil, nil, 0, nil, nil),
                    "writing a key"
                )
            }
        )
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

    /// A random number of 127 bits: positive, and never the same twice.
    private static func setSerialNumber(of x509: OpaquePointer) throws(TLSError) {
        let number = try OpenSSL.check(BN_new(), "making a certificate")
        defer { BN_free(number) }
        try OpenSSL.check(
            BN_rand(number, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY),
            "making a serial number"
        )
        guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != nil else {
            throw .library("making a serial number: \(OpenSSL.takeReason())")
        }
    }

    private static func add(
        _ kind: CInt,
        _ value: StaticString,
        to x509: OpaquePointer
    ) throws(TLSError) {
        let made = X509V3_EXT_conf_nid(nil, nil, kind, value.description)
        let it = try OpenSSL.check(made, "making a certificate")
        defer { X509_EXTENSION_free(it) }
        try OpenSSL.check(X509_add_ext(x509, it, -1), "making a certificate")
    }

    /// Adds the hosts as subject alternative names, each as what it is.
    private static func addNames(_ hosts: [String], to x509: OpaquePointer) throws(TLSError) {
        let names = try OpenSSL.check(GENERAL_NAMES_new(), "making a certificate")
        defer { GENERAL_NAMES_free(names) }
        for host in hosts {
            let isAddress = [AF_INET, AF_INET6].contains { family in
                withUnsafeTemporaryAllocation(byteCount: 16, alignment: 4) {
                    inet_pton(family, host, $0.baseAddress) == 1
                }
            }
            guard isAddress || self.isName(host) else {
                throw .settings("\"\(host)\" is neither a host name nor an address")
            }
            guard
                let name = a2i_GENERAL_NAME(
                    nil,
                    nil,
                    nil,
                    isAddress ? GEN_IPADD : GEN_DNS,
                    host,
                    0
                )
            else { throw .library("naming a certificate: \(OpenSSL.takeReason())") }
            guard byre_sk_GENERAL_NAME_push(names, name) > 0 else {
                GENERAL_NAME_free(name)
                throw .library("naming a certificate: \(OpenSSL.takeReason())")
            }
        }
        guard !hosts.isEmpty else { return }
        try OpenSSL.check(
            X509_add1_ext_i2d(x509, NID_subject_alt_name, UnsafeMutableRawPointer(names), 0, 0),
            "naming a certificate"
        )
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
}
