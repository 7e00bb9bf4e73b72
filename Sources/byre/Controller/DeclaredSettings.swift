import ByreCore
import Tenancy

/// The keys of `limits`.
enum DeclaredLimits {
    static let section = ConfigSection<TenantLimits>([
        Self.bytes("bytes", \.bytes, "Bytes of keys and values, history included."),
        ConfigKey(
            "spaceMode",
            "strict|headroom",
            "What happens when the bytes are used up. [default headroom]"
        ) { (limits, node) throws(ConfigError) in
            let text = try node.text()
            guard let mode = TenantLimits.SpaceMode(rawValue: text) else {
                throw node.error("\"\(text)\" is neither strict nor headroom")
            }
            limits.spaceMode = mode
        },
        Self.count("keys", \.keys, "Live keys."),
        Self.bytes("valueBytes", \.valueBytes, "Bytes of one value."),
        Self.count("writesPerSecond", \.writesPerSecond, "Writes per second."),
        Self.count("readsPerSecond", \.readsPerSecond, "Reads per second."),
        Self.bytes("readBytesPerSecond", \.readBytesPerSecond, "Bytes read per second."),
        Self.count("watches", \.watches, "Watchers, over all streams."),
        Self.count("leases", \.leases, "Leases."),
        Self.count("connections", \.connections, "Connections."),
        Self.count("inFlight", \.inFlight, "Requests that are not answered yet."),
    ])

    private static func bytes(
        _ name: String,
        _ limit: any WritableKeyPath<TenantLimits, Int64?> & Sendable,
        _ help: String
    ) -> ConfigKey<TenantLimits> {
        ConfigKey(name, "BYTES", help) { (limits, node) throws(ConfigError) in
            let bytes = try ConfigUnits.bytes(node)
            guard bytes >= 1 else { throw node.error("\(bytes) is not at least 1") }
            limits[keyPath: limit] = bytes
        }
    }

    private static func count(
        _ name: String,
        _ limit: any WritableKeyPath<TenantLimits, Int64?> & Sendable,
        _ help: String
    ) -> ConfigKey<TenantLimits> {
        ConfigKey(name, "N", help) { (limits, node) throws(ConfigError) in
            let count = try ConfigUnits.value(Int64.self, node)
            guard count >= 1 else { throw node.error("\(count) is not at least 1") }
            limits[keyPath: limit] = count
        }
    }
}

/// The keys of an element of `identities`.
struct DeclaredIdentity {
    var found: Set<TenantIdentity> = []

    static let section = ConfigSection<DeclaredIdentity>(
        [
            (.commonName, "The certificate's common name."),
            (.uriSAN, "A URI among its subject alternative names."),
            (.dnsSAN, "A DNS name among its subject alternative names."),
            (.authority, "SHA-256 of the public key of an authority above it, in hexadecimal."),
            (.serverName, "The server name that clients ask for; narrows, proves nothing."),
        ].map(Self.key)
    )

    private static func key(
        _ kind: TenantIdentity.Kind,
        _ help: String
    ) -> ConfigKey<DeclaredIdentity> {
        ConfigKey(kind.configurationName, "TEXT", help) { (identity, node) throws(ConfigError) in
            identity.found.insert(try TenantIdentity(kind, node))
        }
    }
}

/// The keys of `autoCompaction`.
struct DeclaredCompaction {
    private var mode = AutoCompactionMode.periodic
    private var retention: (text: String, node: ConfigNode)?

    static let section = ConfigSection<DeclaredCompaction>([
        ConfigKey(
            "mode",
            AutoCompactionMode.placeholder,
            "Whether \"retention\" is a time or a number of revisions. [default periodic]"
        ) { (compaction, node) throws(ConfigError) in
            compaction.mode = try ConfigUnits.value(AutoCompactionMode.self, node)
        },
        ConfigKey(
            "retention",
            "DURATION|N",
            """
            Periodic: a duration such as 30m, or a number of hours. Revision: a number of \
            revisions. 0 keeps everything.
            """
        ) { (compaction, node) throws(ConfigError) in
            compaction.retention = (try node.text(), node)
        },
    ])

    static func read(_ node: ConfigNode) throws(ConfigError) -> AutoCompaction {
        var compaction = DeclaredCompaction()
        try self.section.read(node, into: &compaction)
        guard let retention = compaction.retention else {
            throw node.error("\"retention\" is missing")
        }
        do {
            return try compaction.mode.compaction(retention: retention.text)
                ?? .revision(retention: 0)
        } catch {
            throw retention.node.error("\"\(retention.text)\" \(error.reason)")
        }
    }
}
