import ByreAPI
import ByreCore
import FoundationEssentials

// Tenants as messages.

extension ByreTenantSettings {
    init(_ definition: TenantDefinition) {
        self.init(
            limits: definition.limits,
            identities: definition.identities,
            autoCompaction: definition.autoCompaction,
            ownership: definition.ownership
        )
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
