/// A cipher suite, under the name that Go and so etcd's `--cipher-suites` give it.
package struct CipherSuite: Hashable, Sendable {
    /// The name in IANA's registry, which is Go's.
    package let name: String

    /// OpenSSL's name.
    let openSSLName: String

    /// The version the suite belongs to: suites of TLS 1.2 and 1.3 are configured apart.
    package let version: ProtocolVersion

    /// Finds a suite by name.
    /// - Throws: ``TLSError/settings(_:)`` for a suite that does not exist, or that is broken, like
    ///   RC4 and 3DES.
    package init(name: String) throws(TLSError) {
        guard let suite = Self.byName[Self.formerNames[name] ?? name] else {
            throw .settings(
                Self.broken.contains(name)
                    ? "cipher suite \(name) is not offered: it is broken"
                    : "cipher suite \"\(name)\" is unknown"
            )
        }
        self = suite
    }

    private init(_ name: String, _ openSSLName: String, _ version: ProtocolVersion) {
        self.name = name
        self.openSSLName = openSSLName
        self.version = version
    }

    /// What is offered unless told otherwise, best first: only authenticated encryption with
    /// forward secrecy, as HTTP/2 demands (RFC 9113, section 9.2.2).
    ///
    /// AES-128 goes first, as in Go: it costs a fifth less than AES-256.
    static let defaults: [CipherSuite] = all.filter {
        ($0.version == .tls13 || $0.name.hasPrefix("TLS_ECDHE_")) && !$0.name.contains("_CBC_")
    }

    /// Every suite that can be asked for, best first.
    ///
    /// Source: <https://go.dev/src/crypto/tls/cipher_suites.go> for the names,
    /// <https://docs.openssl.org/3.0/man1/openssl-ciphers/> for OpenSSL's.
    package static let all: [CipherSuite] = [
        .init("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", .tls13),
        .init("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", .tls13),
        .init("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", .tls13),
        tls12("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        tls12("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        tls12("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        tls12("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
        tls12("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        tls12("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
        tls12("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"),
        tls12("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"),
        tls12("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"),
        tls12("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"),
        tls12("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"),
        tls12("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"),
        tls12("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        tls12("TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        tls12("TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"),
        tls12("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"),
        tls12("TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256"),
    ]

    private static func tls12(_ name: String, _ openSSLName: String) -> CipherSuite {
        .init(name, openSSLName, .tls12)
    }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// Names Go had before the standard did; etcd still takes them.
    private static let formerNames = [
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305":
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    ]

    /// Suites Go names and OpenSSL is no longer built with.
    private static let broken: Set<String> = [
        "TLS_RSA_WITH_RC4_128_SHA",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
        "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
        "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    ]
}
