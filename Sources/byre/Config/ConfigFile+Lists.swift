import ByreCore
import Tenancy

extension ConfigFile {
    /// Most administrators, so that a certificate is compared with few.
    private static let administratorsMax = 64

    static let readStores: @Sendable (inout ConfigFile, ConfigNode) throws(ConfigError) -> Void = {
        (file, node) throws(ConfigError) in
        for item in try node.list() {
            var draft = StoreDraft()
            try StoreDraft.section.read(item, into: &draft)
            guard let name = draft.name else { throw item.error("\"name\" is missing") }
            guard let url = draft.url else { throw item.error("\"url\" is missing") }
            if draft.urlCount > 1 {
                throw item.error("\"url\" and \"urlFile\" exclude each other")
            }
            guard file.stores.insert(name).inserted else {
                throw item.error("another store is called \"\(name)\"")
            }
            guard file.stores.count == 1 else {
                throw item.error("one store can be served, and this is the second")
            }
            file.options.store = url
            if let connections = draft.connections { file.options.storeConnections = connections }
        }
    }

    static let readAdministrators:
        @Sendable (inout ConfigFile, ConfigNode) throws(ConfigError) -> Void = {
            (file, node) throws(ConfigError) in
            for item in try node.list() {
                var draft = AdministratorDraft()
                try AdministratorDraft.section.read(item, into: &draft)
                guard let name = draft.name else { throw item.error("\"name\" is missing") }
                if file.administrators.contains(where: { $0.name == name }) {
                    throw item.error("another administrator is called \"\(name)\"")
                }
                if draft.identities.isEmpty {
                    throw item.error(
                        "name what the certificate of \"\(name)\" carries: one of "
                            + TenantIdentity.Kind.ofCertificates.map(\.configurationName)
                            .joined(separator: ", ")
                    )
                }
                for (identity, place) in draft.identities {
                    if let other = file.administrators.first(where: { $0.identity == identity }) {
                        throw place.error(
                            "this is the identity of the administrator \"\(other.name)\" already"
                        )
                    }
                    file.administrators.append(Administrator(name: name, identity: identity))
                }
                guard file.administrators.count <= Self.administratorsMax else {
                    throw item.error("more than \(Self.administratorsMax) identities")
                }
            }
        }
}

/// An element of `stores`.
struct StoreDraft {
    var name: String?
    var url: StoreURL?
    var connections: Int?
    /// How often the database was named.
    var urlCount = 0

    /// Bytes of the longest file that holds a URL.
    private static let urlFileBytesMax = 1 << 16

    static let section = ConfigSection<StoreDraft>([
        ConfigKey("name", "NAME", "What the store is called: letters a-z, digits and hyphens.") {
            (draft, node) throws(ConfigError) in
            let name = try node.text()
            guard TenantDefinition.isValidName(name) else {
                throw node.error("\"\(name)\" is not 1 to 63 letters a-z, digits and hyphens")
            }
            draft.name = name
        },
        ConfigKey(
            "url",
            "URL",
            """
            The database: sqlite:///var/lib/byre/main.db, or \
            postgresql://user@host1,host2/database?schema=byre.
            """
        ) { (draft, node) throws(ConfigError) in
            draft.url = try ConfigUnits.value(StoreURL.self, node)
            draft.urlCount += 1
        },
        ConfigKey(
            "urlFile",
            "FILE",
            """
            A file that holds the URL in the place of "url", as a mounted Secret does: so the \
            password is not in here.
            """
        ) { (draft, node) throws(ConfigError) in
            let text = try node.textOfFile(bytesMax: Self.urlFileBytesMax)
            do throws(FlagValueError) {
                draft.url = try StoreURL(flagText: text.filter { !$0.isNewline })
            } catch {
                // What stands in the file may be a password.
                throw node.error("the file holds no URL of a store that can be used")
            }
            draft.urlCount += 1
        },
        ConfigKey("connections", "N", "What --store-connections says of PostgreSQL. [default 6]") {
            (draft, node) throws(ConfigError) in
            let connections = try ConfigUnits.value(Int.self, node)
            guard (5...1_000).contains(connections) else {
                throw node.error("\(connections) is not a whole number from 5 to 1000")
            }
            draft.connections = connections
        },
    ])
}

/// An element of `administrators`.
struct AdministratorDraft {
    var name: String?
    var identities: [(TenantIdentity, ConfigNode)] = []

    static let section = ConfigSection<AdministratorDraft>(
        [
            ConfigKey("name", "NAME", "For logs.") { (draft, node) throws(ConfigError) in
                draft.name = try node.text()
            }
        ]
            + [
                (.commonName, "The certificate's common name."),
                (.uriSAN, "A URI among its subject alternative names."),
                (.dnsSAN, "A DNS name among its subject alternative names."),
                (.authority, "SHA-256 of the public key of an authority above it, in hexadecimal."),
            ].map(Self.key)
    )

    private static func key(
        _ kind: TenantIdentity.Kind,
        _ help: String
    ) -> ConfigKey<AdministratorDraft> {
        ConfigKey(kind.configurationName, "TEXT", help) { (draft, node) throws(ConfigError) in
            let identity = try TenantIdentity(kind, node)
            let text = identity.value
            if kind == .authority, text.count != 64 || !text.allSatisfy(\.isHexDigit) {
                throw node.error("\"\(text)\" is not 64 hexadecimal digits")
            }
            draft.identities.append((identity, node))
        }
    }
}

extension TenantIdentity {
    /// Reads the value of a key that is called like a kind.
    init(_ kind: Kind, _ node: ConfigNode) throws(ConfigError) {
        let text = try node.text()
        if text.isEmpty { throw node.error("a value is missing") }
        self.init(kind, folding: text)
    }
}
