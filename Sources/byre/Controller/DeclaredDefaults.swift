import ByreCore
import Controller
import TLS

/// Settings that a tenant's declaration may have, and that stand under `defaults`, too.
struct DeclaredDefaults {
    var deletionPolicy: TenantOwnership.DeletionPolicy?
    var deletionGraceSeconds: Int64?
    var endpoints: [String]?
    var certificate = DeclaredCertificate()

    static let section = ConfigSection<DeclaredDefaults>(Self.keys(in: \.self))

    /// The keys, for whatever holds these settings.
    static func keys<Value>(
        in settings: any WritableKeyPath<Value, DeclaredDefaults> & Sendable
    ) -> [ConfigKey<Value>] {
        [
            ConfigKey(
                "deletionPolicy",
                "Retain|Delete",
                """
                What becomes of the tenant when it is not declared any more: Retain lets it go, and \
                it stays as it is; Delete deletes it. [default Retain]
                """
            ) { (value, node) throws(ConfigError) in
                let text = try node.text()
                guard let policy = TenantOwnership.DeletionPolicy(rawValue: text) else {
                    throw node.error("\"\(text)\" is neither Retain nor Delete")
                }
                value[keyPath: settings].deletionPolicy = policy
            },
            ConfigKey(
                "deletionGrace",
                "DURATION",
                """
                How long its deletion can be taken back, by byre tenant undelete or by declaring it \
                again. [default 24h]
                """
            ) { (value, node) throws(ConfigError) in
                value[keyPath: settings].deletionGraceSeconds = try Self.seconds(node, from: 0)
            },
            ConfigKey(
                "endpoint",
                "URL|LIST",
                "Where clients connect; stored with the certificate. [default --endpoint]"
            ) { (value, node) throws(ConfigError) in
                var endpoints: [String] = []
                for item in try node.oneOrMore() {
                    endpoints.append(try Self.endpoint(item))
                }
                value[keyPath: settings].endpoints = endpoints
            },
            ConfigKey(
                "certificate",
                "MAPPING|none",
                """
                The certificate for its clients, when the controller is given --credentials; none \
                for none.
                """,
                nested: DeclaredCertificate.section.help
            ) { (value, node) throws(ConfigError) in
                if !node.isMapping {
                    let text = try node.text()
                    guard text == "none" else {
                        throw node.error("a mapping or the word none is wanted here")
                    }
                    value[keyPath: settings].certificate.isWanted = false
                    return
                }
                value[keyPath: settings].certificate.isWanted = true
                try DeclaredCertificate.section.read(
                    node,
                    into: &value[keyPath: settings].certificate
                )
            },
        ]
    }

    static func seconds(_ node: ConfigNode, from least: Int64) throws(ConfigError) -> Int64 {
        let duration = try ConfigUnits.duration(node)
        let seconds = duration.components.seconds
        guard (least...TenantOwnership.graceSecondsMax).contains(seconds),
            duration == .seconds(seconds)
        else {
            throw node.error(
                "\(duration.flagText) is not whole seconds, at least \(least) and at most a century"
            )
        }
        return seconds
    }

    /// A URL as clients are given it. It is for them, so its host may be any name.
    static func endpoint(_ node: ConfigNode) throws(ConfigError) -> String {
        let text = try node.text()
        let schemes = ["https://", "http://", "unixs://", "unix://"]
        guard let scheme = schemes.first(where: text.hasPrefix), text.count > scheme.count,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ",") })
        else {
            throw node.error(
                "\"\(text)\" is not a URL for clients such as https://byre.example:2379"
            )
        }
        return text
    }
}

/// What a declaration says of a certificate.
struct DeclaredCertificate {
    /// Nil while nothing is said.
    var isWanted: Bool?
    var lifetimeSeconds: Int64?
    var key: KeyKind?

    static let section = ConfigSection<DeclaredCertificate>([
        ConfigKey(
            "lifetime",
            "DURATION",
            "How long it is valid. It is renewed after two thirds of that. [default 2160h]"
        ) { (certificate, node) throws(ConfigError) in
            certificate.lifetimeSeconds = try DeclaredDefaults.seconds(
                node,
                from: CredentialRequest.lifetimeSecondsMin
            )
        },
        ConfigKey("key", "ecdsa|rsa", "ECDSA on P-256, or RSA with 3072 bits. [default ecdsa]") {
            (certificate, node) throws(ConfigError) in
            let text = try node.text()
            guard let key = KeyKind(rawValue: text) else {
                throw node.error("\"\(text)\" is neither ecdsa nor rsa")
            }
            certificate.key = key
        },
    ])

    /// What is asked for, where this says nothing what `common` says.
    func request(_ common: DeclaredCertificate, endpoints: [String]) -> CredentialRequest? {
        guard self.isWanted ?? common.isWanted ?? true else { return nil }
        var request = CredentialRequest()
        request.lifetimeSeconds =
            self.lifetimeSeconds ?? common.lifetimeSeconds ?? request.lifetimeSeconds
        request.key = self.key ?? common.key ?? request.key
        request.endpoints = endpoints
        return request
    }
}
