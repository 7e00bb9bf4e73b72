import ByreCore
import Controller

/// An element of `tenants`.
struct DeclaredTenant {
    let node: ConfigNode
    var name: String?
    var uid: String?
    var prefix: String?
    var isolation: TenantDefinition.Isolation?
    var adopts = false
    var isSuspended: Bool?
    var limits = TenantLimits()
    var identities: Set<TenantIdentity> = []
    var autoCompaction: AutoCompaction?
    var sqlReader: SQLReaderRequest?
    var settings = DeclaredDefaults()

    init(node: ConfigNode) {
        self.node = node
    }

    /// The declaration as a whole.
    func tenant(
        _ common: DeclaredDefaults,
        _ defaults: TenantFile.Defaults
    ) throws(ConfigError) -> DesiredTenant {
        guard let name = self.name else { throw self.node.error("\"name\" is missing") }
        var tenant = DesiredTenant(
            key: DeclarationKey(name),
            name: name,
            place: self.node.place,
            source: name
        )
        tenant.adopts = self.adopts
        tenant.deletionPolicy =
            self.settings.deletionPolicy ?? common.deletionPolicy ?? tenant.deletionPolicy
        tenant.deletionGraceSeconds =
            self.settings.deletionGraceSeconds ?? common.deletionGraceSeconds
            ?? tenant.deletionGraceSeconds
        tenant.uid = self.uid
        tenant.prefix = self.prefix.map { Bytes($0.utf8) }
        tenant.isolation = self.isolation ?? .shared
        tenant.limits = self.limits
        tenant.identities = self.identities
        tenant.autoCompaction = self.autoCompaction
        tenant.isSuspended = self.isSuspended
        tenant.sqlReader = self.sqlReader
        let endpoints = self.settings.endpoints ?? common.endpoints ?? defaults.endpoints
        let isAskedFor = self.settings.certificate.isWanted ?? common.certificate.isWanted
        if defaults.hasCredentials || isAskedFor == true {
            tenant.credentials = self.settings.certificate.request(
                common.certificate,
                endpoints: endpoints
            )
        }
        try self.check(tenant)
        return tenant
    }

    /// Checks what the server would refuse, so that nothing is changed at all.
    private func check(_ tenant: DesiredTenant) throws(ConfigError) {
        var definition = TenantDefinition(
            name: tenant.name,
            uid: tenant.uid ?? "00000000-0000-4000-8000-000000000000",
            prefix: tenant.prefix ?? TenantDefinition.defaultPrefix(of: tenant.name),
            createdAt: 0
        )
        definition.limits = tenant.limits
        definition.identities = tenant.identities
        definition.autoCompaction = tenant.autoCompaction
        do {
            try definition.check()
        } catch {
            throw self.node.error("\(error)")
        }
    }

    static let section = ConfigSection<DeclaredTenant>(
        [
            ConfigKey("name", "NAME", "Its name, a DNS label.") {
                (tenant, node) throws(ConfigError) in
                let name = try node.text()
                guard TenantDefinition.isValidName(name) else {
                    throw node.error(
                        "\"\(name)\" is not a DNS label: 1 to 63 of a-z, 0-9 and -, no - at either end"
                    )
                }
                tenant.name = name
            },
            ConfigKey(
                "uid",
                "UUID",
                "Its uid, in lower case, given once. [default one is made]"
            ) { (tenant, node) throws(ConfigError) in tenant.uid = try node.text() },
            ConfigKey(
                "prefix",
                "TEXT",
                "Where its keys sit in the raw keyspace, given once. [default /NAME/]"
            ) { (tenant, node) throws(ConfigError) in tenant.prefix = try node.text() },
            ConfigKey(
                "isolation",
                "shared|dedicated",
                "Beside other tenants, or in a store of its own; given once. [default shared]"
            ) { (tenant, node) throws(ConfigError) in
                let text = try node.text()
                guard let isolation = TenantDefinition.Isolation(rawValue: text) else {
                    throw node.error("\"\(text)\" is neither shared nor dedicated")
                }
                tenant.isolation = isolation
            },
            ConfigKey(
                "adopt",
                "BOOL",
                "Whether a tenant that is there and nobody's is taken over. [default false]"
            ) { (tenant, node) throws(ConfigError) in
                tenant.adopts = try ConfigUnits.value(Bool.self, node)
            },
            ConfigKey(
                "suspended",
                "BOOL",
                "Whether it refuses requests. [default however byre tenant suspend left it]"
            ) { (tenant, node) throws(ConfigError) in
                tenant.isSuspended = try ConfigUnits.value(Bool.self, node)
            },
            ConfigKey(
                "limits",
                "MAPPING",
                "How much it may use. What is not said is the server's default, or no limit.",
                nested: DeclaredLimits.section.help
            ) { (tenant, node) throws(ConfigError) in
                try DeclaredLimits.section.read(node, into: &tenant.limits)
            },
            ConfigKey(
                "identities",
                "LIST",
                "What else in certificates is the tenant's: each a mapping of one of these.",
                nested: DeclaredIdentity.section.help
            ) { (tenant, node) throws(ConfigError) in
                for item in try node.list() {
                    var identity = DeclaredIdentity()
                    try DeclaredIdentity.section.read(item, into: &identity)
                    guard identity.found.count == 1 else {
                        throw item.error("one identity is wanted here")
                    }
                    tenant.identities.formUnion(identity.found)
                }
            },
            ConfigKey(
                "autoCompaction",
                "MAPPING",
                "History kept without being asked. [default the server's]",
                nested: DeclaredCompaction.section.help
            ) { (tenant, node) throws(ConfigError) in
                tenant.autoCompaction = try DeclaredCompaction.read(node)
            },
            ConfigKey(
                "sqlReader",
                "MAPPING",
                """
                A role of PostgreSQL that reads the tenant with SQL. Its password is stored in \
                --credentials.
                """,
                nested: DeclaredReader.section.help
            ) { (tenant, node) throws(ConfigError) in
                var reader = DeclaredReader()
                try DeclaredReader.section.read(node, into: &reader)
                guard let role = reader.role else { throw node.error("\"role\" is missing") }
                tenant.sqlReader = SQLReaderRequest(role: role)
            },
        ] + DeclaredDefaults.keys(in: \.settings)
    )
}

/// The keys of `sqlReader`.
struct DeclaredReader {
    var role: String?

    static let section = ConfigSection<DeclaredReader>([
        ConfigKey("role", "TEXT", "The role, which is made if the server's own may.") {
            (reader, node) throws(ConfigError) in
            let role = try node.text()
            guard SQLReaderRole.isValidName(role) else {
                throw node.error("\"\(role)\" is not a name that a role of PostgreSQL can have")
            }
            reader.role = role
        }
    ])
}
