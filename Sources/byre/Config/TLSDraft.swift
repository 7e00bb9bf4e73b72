import TLS

/// The value of `tls` while it is being read.
struct TLSDraft {
    private var certificate: String?
    private var key: String?
    private var spec = TLSSpec(.generated)

    static let section = ConfigSection<TLSDraft>([
        ConfigKey("certificate", "FILE", "The server's certificate and its intermediates, PEM.") {
            (draft, node) throws(ConfigError) in
            draft.certificate = try node.path()
        },
        ConfigKey("key", "FILE", "The certificate's private key, PEM.") {
            (draft, node) throws(ConfigError) in
            draft.key = try node.path()
        },
        ConfigKey(
            "clientCA",
            "FILE|LIST",
            """
            Certificates of the authorities that sign clients' certificates, PEM: all of all files \
            count. With it, a client must show a certificate.
            """
        ) { (draft, node) throws(ConfigError) in
            draft.spec.trustedCAFiles = try Self.paths(node)
        },
        ConfigKey("crl", "FILE|LIST", "Revoked client certificates, PEM or DER.") {
            (draft, node) throws(ConfigError) in
            draft.spec.revocationFiles = try Self.paths(node)
        },
        ConfigKey(
            "allowedHostnames",
            "LIST",
            "A client's certificate must be valid for one of these names or addresses."
        ) { (draft, node) throws(ConfigError) in
            for item in try node.oneOrMore() {
                draft.spec.allowedHostnames.append(try item.text())
            }
        },
        ConfigKey(
            "minVersion",
            ProtocolVersion.placeholder,
            "Oldest version of TLS accepted. [default TLS1.2]"
        ) { (draft, node) throws(ConfigError) in
            draft.spec.versionMin = try ConfigUnits.value(ProtocolVersion.self, node)
        },
        ConfigKey(
            "maxVersion",
            ProtocolVersion.placeholder,
            "Newest version of TLS accepted. [default TLS1.3]"
        ) { (draft, node) throws(ConfigError) in
            draft.spec.versionMax = try ConfigUnits.value(ProtocolVersion.self, node)
        },
        ConfigKey(
            "cipherSuites",
            "LIST",
            """
            Cipher suites of TLS 1.2 accepted, by their IANA names. Without it, those that offer \
            forward secrecy and authenticated encryption.
            """
        ) { (draft, node) throws(ConfigError) in
            for item in try node.oneOrMore() {
                let name = try item.text()
                do {
                    _ = try CipherSuite(name: name)
                } catch {
                    throw item.error("\(error)")
                }
                draft.spec.cipherSuites.append(name)
            }
        },
    ])

    private static func paths(_ node: ConfigNode) throws(ConfigError) -> [String] {
        var paths: [String] = []
        for item in try node.oneOrMore() {
            let path = try item.path()
            if paths.contains(path) { throw item.error("\(path) is named twice") }
            paths.append(path)
        }
        return paths
    }

    static func read(_ node: ConfigNode) throws(ConfigError) -> TLSSpec {
        var draft = TLSDraft()
        try self.section.read(node, into: &draft)
        guard let certificate = draft.certificate else {
            throw node.error("\"certificate\" is missing")
        }
        guard let key = draft.key else { throw node.error("\"key\" is missing") }
        draft.spec.certificates = .files(certificate: certificate, key: key)
        let spec = draft.spec
        if spec.trustedCAFiles.isEmpty {
            if !spec.revocationFiles.isEmpty { throw node.error("\"crl\" needs \"clientCA\"") }
            if !spec.allowedHostnames.isEmpty {
                throw node.error("\"allowedHostnames\" needs \"clientCA\"")
            }
        }
        if spec.versionMin > spec.versionMax {
            throw node.error(
                "minVersion \(spec.versionMin.rawValue) is newer than maxVersion "
                    + spec.versionMax.rawValue
            )
        }
        if !spec.cipherSuites.isEmpty, spec.versionMin == .tls13 {
            throw node.error("\"cipherSuites\" are of TLS1.2, which minVersion excludes")
        }
        return spec
    }
}
