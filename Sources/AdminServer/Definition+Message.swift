import SwiftProtobuf
import ByreAPI
import ByreCore
import FoundationEssentials

// Tenants of the domain as messages, and back.

extension ByreTenantSettings {
    init(_ definition: TenantDefinition) {
        self.init()
        self.limits = ByreLimits(definition.limits)
        self.identities = definition.identities.sorted().map { identity in
            .with {
                $0.kind = ByreIdentityKind(identity.kind)
                $0.value = identity.value
            }
        }
        if let policy = definition.autoCompaction {
            self.autoCompaction = ByreAutoCompaction(policy)
        }
        if let ownership = definition.ownership { self.ownership = ByreOwnership(ownership) }
    }
}

extension ByreOwnership {
    init(_ ownership: TenantOwnership) {
        self.init()
        self.owner = ownership.owner
        self.source = ownership.source
        self.deletionPolicy =
            switch ownership.deletionPolicy {
            case .retain: .retain
            case .delete: .delete
            }
        self.deletionGraceSeconds = ownership.deletionGraceSeconds
    }
}

extension ByreLimits {
    init(_ limits: TenantLimits) {
        self.init()
        // Assigning nil to an optional field of a message would set it.
        if let bytes = limits.bytes { self.bytes = bytes }
        self.spaceMode =
            switch limits.spaceMode {
            case .strict: .strict
            case .headroom: .headroom
            }
        if let keys = limits.keys { self.keys = keys }
        if let valueBytes = limits.valueBytes { self.valueBytes = valueBytes }
        if let writes = limits.writesPerSecond { self.writesPerSecond = writes }
        if let reads = limits.readsPerSecond { self.readsPerSecond = reads }
        if let readBytes = limits.readBytesPerSecond { self.readBytesPerSecond = readBytes }
        if let watches = limits.watches { self.watches = watches }
        if let leases = limits.leases { self.leases = leases }
        if let connections = limits.connections { self.connections = connections }
        if let inFlight = limits.inFlight { self.inFlight = inFlight }
    }
}

extension ByreIdentityKind {
    init(_ kind: TenantIdentity.Kind) {
        self =
            switch kind {
            case .uriSAN: .uriSan
            case .dnsSAN: .dnsSan
            case .commonName: .commonName
            case .authority: .authority
            case .serverName: .serverName
            }
    }

    /// Nil for what this program does not know.
    var domain: TenantIdentity.Kind? {
        switch self {
        case .uriSan: .uriSAN
        case .dnsSan: .dnsSAN
        case .commonName: .commonName
        case .authority: .authority
        case .serverName: .serverName
        case .unspecified, .UNRECOGNIZED: nil
        }
    }
}

extension ByreAutoCompaction {
    init(_ policy: AutoCompaction) {
        self.init()
        switch policy {
        case .periodic(let nanoseconds): self.periodicNanoseconds = nanoseconds
        case .revision(let count): self.revisions = count
        }
    }
}

extension ByreState {
    init(_ lifecycle: TenantDefinition.Lifecycle) {
        self =
            switch lifecycle {
            case .active: .active
            case .suspended: .suspended
            case .deleting: .deleting
            }
    }
}

extension ByreIsolation {
    init(_ isolation: TenantDefinition.Isolation) {
        self =
            switch isolation {
            case .shared: .shared
            case .dedicated: .dedicated
            }
    }
}

extension ByreTenant {
    init(_ definition: TenantDefinition, state: ByreState) {
        self.init()
        self.name = definition.name
        self.uid = definition.uid
        self.prefix = Data(definition.prefix)
        self.state = state
        if let reclaimAt = definition.reclaimAt { self.reclaimAt = reclaimAt }
        self.settings = ByreTenantSettings(definition)
        self.createdAt = definition.createdAt
        self.generation = definition.generation
        self.isolation = ByreIsolation(definition.isolation)
        self.home = definition.home ?? ""
    }
}
