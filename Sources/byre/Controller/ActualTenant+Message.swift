import AdminServer
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
                identity.kind.domain.map { TenantIdentity($0, identity.value) }
            }
        )
        if message.hasAutoCompaction {
            self.autoCompaction = AutoCompaction(message.autoCompaction)
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
        self.init(
            limits: settings.limits,
            identities: settings.identities,
            autoCompaction: settings.autoCompaction,
            ownership: settings.ownership
        )
    }
}
