import ByreAPI
import ByreCore
import GRPC

/// Which of a tenant's settings a request gives, and taking them over.
struct SettingsMask {
    private static let limitNames: Set<String> = [
        "bytes", "space_mode", "keys", "value_bytes", "writes_per_second", "reads_per_second",
        "read_bytes_per_second", "watches", "leases", "connections", "in_flight",
    ]

    /// Names of limits.
    private var limits: Set<String> = []
    private var takesIdentities = false
    private var takesAutoCompaction = false
    private var takesOwnership = false

    /// All settings.
    static let all = SettingsMask(
        limits: limitNames,
        takesIdentities: true,
        takesAutoCompaction: true,
        takesOwnership: true
    )

    private init(
        limits: Set<String>,
        takesIdentities: Bool,
        takesAutoCompaction: Bool,
        takesOwnership: Bool
    ) {
        self.limits = limits
        self.takesIdentities = takesIdentities
        self.takesAutoCompaction = takesAutoCompaction
        self.takesOwnership = takesOwnership
    }

    /// Reads the paths of a field mask; none stands for all settings.
    init(paths: [String]) throws(Status) {
        if paths.isEmpty {
            self = .all
            return
        }
        for path in paths {
            switch path {
            case "identities": self.takesIdentities = true
            case "auto_compaction": self.takesAutoCompaction = true
            case "ownership": self.takesOwnership = true
            case "limits": self.limits = Self.limitNames
            default:
                let name = String(path.dropFirst("limits.".count))
                guard path.hasPrefix("limits."), Self.limitNames.contains(name) else {
                    throw Status(.invalidArgument, "mask: there is no setting \"\(path)\"")
                }
                self.limits.insert(name)
            }
        }
    }

    /// Puts the settings that the mask names into a definition.
    /// - Throws: `INVALID_ARGUMENT`, naming the field.
    func apply(
        _ settings: ByreTenantSettings,
        to definition: inout TenantDefinition
    ) throws(Status) {
        try self.apply(settings.limits, to: &definition.limits)
        if self.takesIdentities {
            definition.identities = try Self.identities(settings.identities)
        }
        if self.takesAutoCompaction {
            definition.autoCompaction =
                settings.hasAutoCompaction ? AutoCompaction(settings.autoCompaction) : nil
        }
        if self.takesOwnership {
            definition.ownership =
                settings.hasOwnership ? try Self.ownership(settings.ownership) : nil
        }
    }

    private func apply(
        _ message: ByreLimits,
        to limits: inout TenantLimits
    ) throws(Status) {
        func take(
            _ name: String,
            _ value: Int64?,
            _ property: WritableKeyPath<TenantLimits, Int64?>
        ) throws(Status) {
            guard self.limits.contains(name) else { return }
            if let value, value < 1 {
                throw Status(.invalidArgument, "limits.\(name): \(value) is not at least 1")
            }
            limits[keyPath: property] = value
        }
        try take("bytes", message.hasBytes ? message.bytes : nil, \.bytes)
        try take("keys", message.hasKeys ? message.keys : nil, \.keys)
        try take("value_bytes", message.hasValueBytes ? message.valueBytes : nil, \.valueBytes)
        try take(
            "writes_per_second",
            message.hasWritesPerSecond ? message.writesPerSecond : nil,
            \.writesPerSecond
        )
        try take(
            "reads_per_second",
            message.hasReadsPerSecond ? message.readsPerSecond : nil,
            \.readsPerSecond
        )
        try take(
            "read_bytes_per_second",
            message.hasReadBytesPerSecond ? message.readBytesPerSecond : nil,
            \.readBytesPerSecond
        )
        try take("watches", message.hasWatches ? message.watches : nil, \.watches)
        try take("leases", message.hasLeases ? message.leases : nil, \.leases)
        try take("connections", message.hasConnections ? message.connections : nil, \.connections)
        try take("in_flight", message.hasInFlight ? message.inFlight : nil, \.inFlight)
        guard self.limits.contains("space_mode") else { return }
        switch message.spaceMode {
        case .strict: limits.spaceMode = .strict
        case .headroom, .unspecified: limits.spaceMode = .headroom
        case .UNRECOGNIZED(let number):
            throw Status(.invalidArgument, "limits.space_mode: there is no mode \(number)")
        }
    }

    private static func identities(
        _ messages: [ByreIdentity]
    ) throws(Status) -> Set<TenantIdentity> {
        var identities: Set<TenantIdentity> = []
        for (number, message) in messages.enumerated() {
            guard let kind = message.kind.domain else {
                throw Status(.invalidArgument, "identities[\(number)].kind: there is no such kind")
            }
            guard !message.value.isEmpty else {
                throw Status(.invalidArgument, "identities[\(number)].value: is empty")
            }
            identities.insert(TenantIdentity(kind, message.value))
        }
        return identities
    }

    private static func ownership(
        _ message: ByreOwnership
    ) throws(Status) -> TenantOwnership {
        var ownership = TenantOwnership(
            owner: message.owner,
            source: message.source,
            deletionGraceSeconds: message.deletionGraceSeconds
        )
        switch message.deletionPolicy {
        case .retain, .unspecified: ownership.deletionPolicy = .retain
        case .delete: ownership.deletionPolicy = .delete
        case .UNRECOGNIZED(let number):
            throw Status(
                .invalidArgument,
                "ownership.deletion_policy: there is no policy \(number)"
            )
        }
        do throws(DefinitionFault) {
            try ownership.check()
        } catch {
            throw Status(.invalidArgument, "ownership: \(error)")
        }
        return ownership
    }
}
