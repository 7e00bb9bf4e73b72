import ByreAPI
import ByreCore
import Controller
import SwiftProtobuf

// Messages of the admin API as the reconciler's values, and back.

extension ActualTenant {
    init(_ tenant: ByreTenant, _ usage: ByreTenantUsage) {
        let stage: Stage =
            switch tenant.state {
            case .active: .active
            case .suspended: .suspended
            case .deleting: .deleting(reclaimAt: tenant.reclaimAt)
            case .erasing: .erasing
            // A server that knows more stages than this program: nothing is done about those.
            case .unspecified, .UNRECOGNIZED: .erasing
            }
        self.init(
            name: tenant.name,
            uid: tenant.uid,
            prefix: Bytes(tenant.prefix),
            stage: stage,
            isolation: tenant.isolation == .dedicated ? .dedicated : .shared,
            settings: TenantSettings(tenant.settings),
            generation: tenant.generation,
            clusterID: tenant.clusterID
        )
        self.usage.usedBytes = usage.usedBytes
        self.usage.allocatedBytes = usage.allocatedBytes
        self.usage.keys = usage.keys
        self.usage.revision = usage.revision
        self.usage.alarms = usage.alarms
    }
}

extension TenantSettings {
    init(_ message: ByreTenantSettings) {
        self.init()
        self.limits = TenantLimits(message.limits)
        self.identities = Set(
            message.identities.compactMap { identity in
                identity.kind.identityKind.map { TenantIdentity($0, identity.value) }
            }
        )
        if message.hasAutoCompaction {
            switch message.autoCompaction.policy {
            case .periodicNanoseconds(let nanoseconds):
                self.autoCompaction = .periodic(retentionNanoseconds: nanoseconds)
            case .revisions(let count): self.autoCompaction = .revision(retention: count)
            case nil: break
            }
        }
        if message.hasOwnership {
            self.ownership = TenantOwnership(
                owner: message.ownership.owner,
                source: message.ownership.source,
                deletionPolicy: message.ownership.deletionPolicy == .delete ? .delete : .retain,
                deletionGraceSeconds: message.ownership.deletionGraceSeconds
            )
        }
    }
}

extension TenantLimits {
    init(_ message: ByreLimits) {
        self.init()
        if message.hasBytes { self.bytes = message.bytes }
        self.spaceMode = message.spaceMode == .strict ? .strict : .headroom
        if message.hasKeys { self.keys = message.keys }
        if message.hasValueBytes { self.valueBytes = message.valueBytes }
        if message.hasWritesPerSecond { self.writesPerSecond = message.writesPerSecond }
        if message.hasReadsPerSecond { self.readsPerSecond = message.readsPerSecond }
        if message.hasReadBytesPerSecond { self.readBytesPerSecond = message.readBytesPerSecond }
        if message.hasWatches { self.watches = message.watches }
        if message.hasLeases { self.leases = message.leases }
        if message.hasConnections { self.connections = message.connections }
        if message.hasInFlight { self.inFlight = message.inFlight }
    }
}

extension ByreTenantSettings {
    init(_ settings: TenantSettings) {
        self.init()
        self.limits = ByreLimits(settings.limits)
        self.identities = settings.identities.sorted().map { identity in
            .with {
                $0.kind = ByreIdentityKind(identity.kind)
                $0.value = identity.value
            }
        }
        switch settings.autoCompaction {
        case .periodic(let nanoseconds): self.autoCompaction.periodicNanoseconds = nanoseconds
        case .revision(let count): self.autoCompaction.revisions = count
        case nil: break
        }
        if let ownership = settings.ownership {
            self.ownership.owner = ownership.owner
            self.ownership.source = ownership.source
            self.ownership.deletionPolicy =
                ownership.deletionPolicy == .delete ? .delete : .retain
            self.ownership.deletionGraceSeconds = ownership.deletionGraceSeconds
        }
    }
}

extension ByreLimits {
    init(_ limits: TenantLimits) {
        self.init()
        // Assigning nil to an optional field of a message would set it.
        if let bytes = limits.bytes { self.bytes = bytes }
        self.spaceMode = limits.spaceMode == .strict ? .strict : .headroom
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
    /// Nil for what this program does not know.
    fileprivate var identityKind: TenantIdentity.Kind? {
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
