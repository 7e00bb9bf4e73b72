import COpenSSL
import Glibc

/// A verified certificate of a peer: all that can tell who is calling.
package struct PeerCertificate: Sendable, Hashable {
    /// A certificate authority that vouches for the peer.
    package struct Authority: Sendable, Hashable {
        /// The subject, as RFC 2253 writes it: `CN=tenant-a,O=example`.
        package let subject: String
        /// SHA-256 of the public key (SubjectPublicKeyInfo); survives renewal of the certificate.
        package let keyDigest: [UInt8]
    }

    /// The certificate in DER.
    package let der: [UInt8]
    /// The subject, as RFC 2253 writes it.
    package let subject: String
    /// The subject's common name, the last one if there are several, as Go has it.
    package let commonName: String?
    /// The subject alternative names, in the certificate's order.
    ///
    /// A name that is not text is left out; it identifies nobody.
    package let uris: [String]
    package let dnsNames: [String]
    package let emailAddresses: [String]
    /// In numbers: `192.0.2.1`, `2001:db8::1`.
    package let ipAddresses: [String]
    /// Who issued the certificate, then who issued that one, up to the trusted one.
    ///
    /// Never empty: a certificate that is itself trusted vouches for itself.
    package let authorities: [Authority]

    /// Reads a verified chain: the peer's certificate, then its authorities.
    /// - Returns: nil if the chain is empty or its parts cannot be encoded, for lack of memory.
    init?(chain: OpaquePointer) {
        let certificates = (0..<byre_sk_X509_num(chain)).compactMap {
            byre_sk_X509_value(chain, $0)
        }
        guard let leaf = certificates.first, let der = encoded(leaf, i2d_X509) else { return nil }
        self.der = der
        self.subject = Self.text(of: X509_get_subject_name(leaf))
        self.commonName = Self.commonName(of: leaf)

        let names = Self.alternativeNames(of: leaf)
        self.uris = names.uris
        self.dnsNames = names.dnsNames
        self.emailAddresses = names.emailAddresses
        self.ipAddresses = names.ipAddresses

        let issuers = certificates.count > 1 ? certificates.dropFirst() : certificates[...]
        self.authorities = issuers.compactMap(Authority.init(certificate:))
        guard self.authorities.count == issuers.count else { return nil }
    }

    /// The last common name in the subject.
    static func commonName(of certificate: OpaquePointer) -> String? {
        let name = X509_get_subject_name(certificate)
        var found: CInt = -1
        while case let next = X509_NAME_get_index_by_NID(name, NID_commonName, found), next >= 0 {
            found = next
        }
        guard found >= 0 else { return nil }
        let value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, found))
        var text: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&text, value)
        guard count >= 0, let text else { return nil }
        defer { byre_OPENSSL_free(text) }
        return String(
            validating: UnsafeBufferPointer(start: text, count: Int(count)),
            as: UTF8.self
        )
    }

    struct AlternativeNames {
        var uris: [String] = []
        var dnsNames: [String] = []
        var emailAddresses: [String] = []
        var ipAddresses: [String] = []
    }

    static func alternativeNames(of certificate: OpaquePointer) -> AlternativeNames {
        var found = AlternativeNames()
        guard let names = byre_X509_get_subject_alt_name(certificate) else { return found }
        defer { GENERAL_NAMES_free(names) }
        for index in 0..<byre_sk_GENERAL_NAME_num(names) {
            // The kinds read here all carry a string of bytes.
            guard let name = byre_sk_GENERAL_NAME_value(names, index),
                [GEN_URI, GEN_DNS, GEN_EMAIL, GEN_IPADD].contains(name.pointee.type)
            else { continue }
            let bytes = UnsafeBufferPointer(
                start: ASN1_STRING_get0_data(name.pointee.d.ia5),
                count: Int(ASN1_STRING_length(name.pointee.d.ia5))
            )
            if name.pointee.type == GEN_IPADD {
                if let address = self.ipAddress(bytes) { found.ipAddresses.append(address) }
                continue
            }
            guard let text = String(validating: bytes, as: UTF8.self) else { continue }
            switch name.pointee.type {
            case GEN_URI: found.uris.append(text)
            case GEN_DNS: found.dnsNames.append(text)
            default: found.emailAddresses.append(text)
            }
        }
        return found
    }

    fileprivate static func text(of name: OpaquePointer?) -> String {
        let bytes = try? OpenSSL.written { writer in
            X509_NAME_print_ex(writer, name, 0, byre_name_format)
        }
        return String(decoding: bytes ?? [], as: UTF8.self)
    }

    private static func ipAddress(_ bytes: some Collection<UInt8>) -> String? {
        guard let family = [4: AF_INET, 16: AF_INET6][bytes.count] else { return nil }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let address = [UInt8](bytes)
        guard inet_ntop(family, address, &text, socklen_t(text.count)) != nil else { return nil }
        return text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
    }
}

extension PeerCertificate.Authority {
    init?(certificate: OpaquePointer) {
        guard let key = encoded(X509_get_X509_PUBKEY(certificate), i2d_X509_PUBKEY) else {
            return nil
        }
        self.subject = PeerCertificate.text(of: X509_get_subject_name(certificate))
        self.keyDigest = [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) {
            digest,
            count in
            SHA256(key, key.count, digest.baseAddress)
            count = Int(SHA256_DIGEST_LENGTH)
        }
    }
}

/// The DER of an object, by one of OpenSSL's `i2d` functions: they tell the length first, and
/// write second.
private func encoded(
    _ object: OpaquePointer?,
    _ encode: (OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> CInt
) -> [UInt8]? {
    let length = encode(object, nil)
    guard length > 0 else { return nil }
    return [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
        var end = buffer.baseAddress
        count = Int(max(0, encode(object, &end)))
    }
}
