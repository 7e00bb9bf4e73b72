package import Controller
import ByreCore

/// Files with declared tenants, checked as far as they alone can be.
package struct TenantFile: Sendable {
    /// Largest file that is read.
    static let bytesMax = 8 << 20
    /// Most tenants, over all files.
    static let tenantsMax = 10_000

    /// What holds for tenants that do not say otherwise, beside what the file says.
    package struct Defaults: Sendable {
        /// Where clients connect.
        package var endpoints: [String] = []
        /// Whether there is a place for credentials, so that tenants have certificates.
        package var hasCredentials = false

        package init() {}
    }

    /// In the file's order.
    package let tenants: [DesiredTenant]

    /// Reads a file's text.
    /// - Throws: ``ConfigError`` that names file, line, column and field.
    package init(yaml: String, path: String, defaults: Defaults) throws(ConfigError) {
        let root = try ConfigNode(yaml: yaml, file: path, namesFields: true)
        var draft = TenantFileDraft()
        try TenantFileDraft.section.read(root, into: &draft)
        guard let drafts = draft.tenants else {
            throw root.error("\"tenants\" is missing: list the tenants, or write tenants: []")
        }
        var tenants: [DesiredTenant] = []
        for item in drafts {
            tenants.append(try item.tenant(draft.common, defaults))
        }
        self.tenants = tenants
    }

    /// Reads several files as one.
    /// - Returns: all tenants, whose names are unique.
    package static func read(
        _ paths: [String],
        defaults: Defaults
    ) throws(ConfigError) -> [DesiredTenant] {
        var tenants: [DesiredTenant] = []
        var places: [String: String] = [:]
        for path in paths {
            let text = try ConfigText.read(path, bytesMax: self.bytesMax)
            for tenant in try TenantFile(yaml: text, path: path, defaults: defaults).tenants {
                if let other = places[tenant.name] {
                    throw ConfigError(
                        "\(tenant.place): name: another tenant is called \"\(tenant.name)\", at "
                            + other
                    )
                }
                places[tenant.name] = tenant.place
                tenants.append(tenant)
            }
        }
        guard tenants.count <= self.tenantsMax else {
            throw ConfigError("\(paths[0]): tenants: more than \(self.tenantsMax) in all files")
        }
        return tenants
    }

    /// Keys of the file, for help.
    package static var help: [ConfigHelpEntry] { TenantFileDraft.section.help }
}

/// A file with tenants while it is being read.
struct TenantFileDraft {
    var common = DeclaredDefaults()
    /// Nil until they are given.
    var tenants: [DeclaredTenant]?

    static let section = ConfigSection<TenantFileDraft>([
        ConfigKey(
            "defaults",
            "MAPPING",
            "What holds for tenants that do not say otherwise.",
            nested: DeclaredDefaults.section.help
        ) { (draft, node) throws(ConfigError) in
            try DeclaredDefaults.section.read(node, into: &draft.common)
        },
        ConfigKey(
            "tenants",
            "LIST",
            """
            The tenants that are to be. One that was made because of this list and is not in it any \
            more is let go or deleted, as it said last.
            """,
            nested: DeclaredTenant.section.help
        ) { (draft, node) throws(ConfigError) in
            var tenants: [DeclaredTenant] = []
            for item in try node.list() {
                var tenant = DeclaredTenant(node: item)
                try DeclaredTenant.section.read(item, into: &tenant)
                tenants.append(tenant)
            }
            draft.tenants = tenants
        },
    ])
}
