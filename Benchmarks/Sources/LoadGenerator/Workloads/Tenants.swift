/// The number of a tenant in names.
package enum Tenants {
    package static let flag = Flag(
        "tenants",
        "N",
        "stands for {tenant} in URLs, certificates and the prefix: 0 to N-1 (1)"
    )

    package static func replace(_ text: String, _ tenant: Int) -> String {
        text.split(separator: "{tenant}", omittingEmptySubsequences: false)
            .joined(separator: String(tenant))
    }

    /// The keys of each of so many tenants.
    package static func keys(_ keys: Keys, _ count: Int) -> [Keys] {
        let prefix = String(decoding: keys.prefix, as: UTF8.self)
        return (0..<count).map { Keys(prefix: Self.replace(prefix, $0), count: keys.count) }
    }
}

extension Target {
    /// The target as each of so many tenants reaches it.
    package func tenants(_ count: Int) throws(Failure) -> [Target] {
        var targets: [Target] = []
        for tenant in 0..<count { targets.append(try self.of(tenant: tenant)) }
        return targets
    }
}
