import ByreCore
import Tenancy

/// A listener while it is being read: its keys come in any order.
struct ListenerDraft {
    private var url: (value: ListenURL, node: ConfigNode)?
    private var tls: (value: TLSSpec, node: ConfigNode)?
    private var tenant: (value: TenantDraft, node: ConfigNode)?
    private var socketMode: (value: UInt32, node: ConfigNode)?

    /// A unix socket without another mode is its owner's alone.
    private static let socketModeDefault: UInt32 = 0o600

    /// Keys of a listener without tenants.
    static let monitoringSection = ConfigSection<ListenerDraft>([
        ConfigKey(
            "url",
            "URL",
            """
            http, https, unix or unixs (TLS on a unix socket): https://0.0.0.0:2379, \
            unix:/run/byre/acme.sock. A host is an IP address or localhost. The admin API is on \
            unix, unixs or https.
            """
        ) { (draft, node) throws(ConfigError) in
            draft.url = (try node.listenURL(), node)
        },
        ConfigKey(
            "tls",
            "MAPPING",
            "Certificates, for https and unixs. All files are read again when they change.",
            nested: TLSDraft.section.help
        ) { (draft, node) throws(ConfigError) in
            draft.tls = (try TLSDraft.read(node), node)
        },
        ConfigKey(
            "socketMode",
            "MODE",
            "Permissions of a unix socket's file, in octal: 0600, 0660. [default 0600]"
        ) { (draft, node) throws(ConfigError) in
            draft.socketMode = (try ConfigUnits.mode(node), node)
        },
    ])

    /// Keys of a listener of clients.
    static let clientSection = ConfigSection<ListenerDraft>(
        monitoringSection.keys + [
            ConfigKey(
                "tenant",
                "NAME|MAPPING",
                """
                Whose the clients are: the name of one tenant, or where in a client's certificate \
                to look for it.
                """,
                nested: TenantDraft.section.help
            ) { (draft, node) throws(ConfigError) in
                draft.tenant = (try TenantDraft.read(node), node)
            }
        ]
    )

    static func client(_ node: ConfigNode) throws(ConfigError) -> ListenerSpec {
        var draft = ListenerDraft()
        try self.clientSection.read(node, into: &draft)
        guard let tenant = draft.tenant else {
            throw node.error("\"tenant\" is missing: say whose the clients are")
        }
        var spec = try draft.spec(node, .client)
        spec.rules = IdentityRules(
            tenant.value.binding,
            suffix: tenant.value.suffix,
            asksForCertificates: spec.tls.map { !$0.trustedCAFiles.isEmpty } ?? false
        )
        do {
            try spec.rules.check()
        } catch {
            throw tenant.node.error("tenant \(error.message)")
        }
        return spec
    }

    static func metrics(_ node: ConfigNode) throws(ConfigError) -> ListenerSpec {
        var draft = ListenerDraft()
        try self.monitoringSection.read(node, into: &draft)
        return try draft.spec(node, .metrics)
    }

    static func admin(_ node: ConfigNode) throws(ConfigError) -> ListenerSpec {
        var draft = ListenerDraft()
        try self.monitoringSection.read(node, into: &draft)
        let spec = try draft.spec(node, .admin)
        if case .host = spec.url.place, !spec.url.isTLS {
            throw (draft.url?.node ?? node).error(
                "the admin API is served on unix, unixs or https, not to everybody who can connect"
            )
        }
        if let tls = draft.tls, tls.value.trustedCAFiles.isEmpty {
            throw tls.node.error("\"clientCA\" is missing: administrators show a certificate")
        }
        return spec
    }

    /// What all kinds of listeners have in common.
    private func spec(
        _ node: ConfigNode,
        _ role: ListenerSpec.Role
    ) throws(ConfigError) -> ListenerSpec {
        guard let url = self.url else { throw node.error("\"url\" is missing") }
        if url.value.isTLS, self.tls == nil {
            throw url.node.error("\(url.value) needs \"tls\" with a certificate and a key")
        }
        if !url.value.isTLS, let tls = self.tls {
            throw tls.node.error("\(url.value) has no TLS; https and unixs have")
        }
        var mode: UInt32?
        if case .path = url.value.place {
            mode = self.socketMode?.value ?? Self.socketModeDefault
        } else if let socketMode = self.socketMode {
            throw socketMode.node.error("\(url.value) is no unix socket")
        }
        return ListenerSpec(
            role: role,
            url: url.value,
            tls: self.tls?.value,
            // Nobody but administrators, unless the kind of listener says otherwise.
            rules: IdentityRules(.from([], and: nil), asksForCertificates: self.tls != nil),
            socketMode: mode,
            origin: url.node.place
        )
    }
}

/// The value of `tenant`.
struct TenantDraft {
    var binding = IdentityRules.Binding.from([], and: nil)
    var suffix = ""
    private var kinds: [TenantIdentity.Kind] = []
    private var and: TenantIdentity.Kind?

    static let section = ConfigSection<TenantDraft>([
        ConfigKey(
            "from",
            "LIST",
            """
            Any of uriSAN, dnsSAN, commonName, authority: a certificate stands for the tenants that \
            list one of these as an identity; without any, for those whose name is its dnsSAN or \
            commonName, or whose uid is in its uriSAN urn:byre:tenant:UID. It must stand for exactly \
            one. serverName is the name that the client connects to: without client certificates it \
            selects the tenant, with them it narrows down what the certificate stands for, and \
            never authorises alone.
            """
        ) { (draft, node) throws(ConfigError) in
            draft.kinds = []
            for item in try node.oneOrMore() { draft.kinds.append(try Self.kind(item)) }
        },
        ConfigKey(
            "suffix",
            "TEXT",
            """
            What follows the tenant's name in dnsSAN and serverName: with .etcd.example.com, \
            acme.etcd.example.com is acme's.
            """
        ) { (draft, node) throws(ConfigError) in
            draft.suffix = try node.text()
        },
        ConfigKey("and", "KIND", "One more of these, which must name the same tenant.") {
            (draft, node) throws(ConfigError) in
            draft.and = try Self.kind(node)
        },
    ])

    private static func kind(_ node: ConfigNode) throws(ConfigError) -> TenantIdentity.Kind {
        let text = try node.text()
        guard let kind = TenantIdentity.Kind.allCases.first(where: { $0.configurationName == text })
        else {
            let names = TenantIdentity.Kind.allCases.map(\.configurationName)
            throw node.error("\"\(text)\" is not one of \(names.joined(separator: ", "))")
        }
        return kind
    }

    static func read(_ node: ConfigNode) throws(ConfigError) -> TenantDraft {
        var draft = TenantDraft()
        guard node.isMapping else {
            draft.binding = .tenant(try node.text())
            return draft
        }
        try self.section.read(node, into: &draft)
        draft.binding = .from(draft.kinds, and: draft.and)
        return draft
    }
}
