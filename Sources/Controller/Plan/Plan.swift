import ByreCore
import TLS

/// What is to be done about one declaration, and what stands in the way of the rest.
package struct Plan: Hashable, Sendable {
    /// Why something that is declared is not done.
    package struct Obstacle: Hashable, Sendable {
        package var kind: Condition.Kind
        package var reason: Condition.Reason
        /// A sentence for people.
        package var message: String

        package init(_ kind: Condition.Kind, _ reason: Condition.Reason, _ message: String) {
            self.kind = kind
            self.reason = reason
            self.message = message
        }
    }

    /// In the order in which they are to be done.
    package var steps: [Step] = []
    package var obstacles: [Obstacle] = []

    package init() {}
}

/// Decides what is to be done. Depends on its arguments alone.
/// - Parameters:
///   - owner: what this controller calls itself in the tenants that it owns.
///   - now: seconds since 1970.
package func plan(
    for desired: DesiredTenant,
    in situation: Situation,
    owner: String,
    now: Int64
) -> Plan {
    var planning = Planning(desired: desired, situation: situation, owner: owner, now: now)
    planning.run()
    return planning.plan
}

/// A plan in the making.
struct Planning {
    let desired: DesiredTenant
    let situation: Situation
    let owner: String
    let now: Int64
    var plan = Plan()

    mutating func run() {
        if self.desired.isRemoved {
            self.planRemoval()
            return
        }
        guard self.planTenant() else { return }
        self.planSQLReader()
        self.planCertificate()
    }

    mutating func obstacle(
        _ kind: Condition.Kind,
        _ reason: Condition.Reason,
        _ message: String
    ) {
        self.plan.obstacles.append(Plan.Obstacle(kind, reason, message))
    }

    // MARK: The tenant

    /// What the tenant is to be set to.
    private var settings: TenantSettings {
        var settings = TenantSettings()
        settings.limits = self.desired.limits
        settings.identities = self.desired.identities
        settings.autoCompaction = self.desired.autoCompaction
        settings.ownership = TenantOwnership(
            owner: self.owner,
            source: self.desired.source,
            deletionPolicy: self.desired.deletionPolicy,
            deletionGraceSeconds: self.desired.deletionGraceSeconds
        )
        return settings
    }

    /// - Returns: whether the tenant is, or will be, one whose readers and clients are this
    ///   controller's business.
    private mutating func planTenant() -> Bool {
        guard let tenant = self.situation.tenant else {
            self.plan.steps.append(
                .create(
                    NewTenant(
                        name: self.desired.name,
                        uid: self.desired.uid,
                        prefix: self.desired.prefix,
                        isolation: self.desired.isolation,
                        settings: self.settings
                    )
                )
            )
            if self.desired.isSuspended == true { self.plan.steps.append(.suspend) }
            return true
        }
        guard self.mayChange(tenant) else { return false }
        if let uid = self.desired.uid, uid != tenant.uid {
            self.obstacle(
                .provisioned,
                .immutableFieldChanged,
                "the uid of the tenant is \(tenant.uid), and never changes"
            )
            return false
        }
        let prefix = self.desired.prefix ?? TenantDefinition.defaultPrefix(of: self.desired.name)
        if prefix != tenant.prefix, self.desired.prefix != nil {
            self.obstacle(
                .provisioned,
                .immutableFieldChanged,
                "the prefix of the tenant is \"\(String(decoding: tenant.prefix, as: UTF8.self))\", "
                    + "and never changes"
            )
        }
        if self.desired.isolation != tenant.isolation {
            self.obstacle(
                .provisioned,
                .immutableFieldChanged,
                "the isolation of the tenant is \(tenant.isolation.rawValue), and never changes"
            )
        }
        if case .deleting = tenant.stage { self.plan.steps.append(.undelete) }
        let differences = self.differences(tenant.settings)
        if !differences.isEmpty {
            self.plan.steps.append(.update(self.settings, differences: differences))
        }
        switch (self.desired.isSuspended, tenant.stage) {
        case (true, .active): self.plan.steps.append(.suspend)
        case (false, .suspended): self.plan.steps.append(.resume)
        default: break
        }
        return true
    }

    /// Whether the tenant is this declaration's, or may become it.
    private mutating func mayChange(_ tenant: ActualTenant) -> Bool {
        if case .erasing = tenant.stage {
            self.obstacle(
                .provisioned,
                .nameBeingErased,
                "an earlier tenant \(tenant.name) is being erased; its name is free when it is gone"
            )
            return false
        }
        guard let ownership = tenant.settings.ownership else {
            guard self.desired.adopts else {
                self.obstacle(
                    .provisioned,
                    .notOwned,
                    "there is a tenant \(tenant.name) that no controller owns; adopt: true takes it "
                        + "over"
                )
                return false
            }
            if case .deleting = tenant.stage {
                self.obstacle(
                    .provisioned,
                    .notOwned,
                    "there is a tenant \(tenant.name) that somebody has deleted; take it back with "
                        + "byre tenant undelete, or wait until it is gone"
                )
                return false
            }
            return true
        }
        let isSame = ownership.source == self.desired.source
        guard ownership.owner == self.owner, isSame || self.desired.adopts else {
            let other =
                ownership.owner == self.owner
                ? "the declaration \(ownership.source)" : "\(ownership.owner)"
            self.obstacle(
                .provisioned,
                .ownedByAnother,
                "the tenant \(tenant.name) belongs to \(other)"
            )
            return false
        }
        return true
    }

    private func differences(_ present: TenantSettings) -> [String] {
        let wanted = self.settings
        var names: [String] = []
        if wanted.limits != present.limits { names.append("limits") }
        if wanted.identities != present.identities { names.append("identities") }
        if wanted.autoCompaction != present.autoCompaction { names.append("auto compaction") }
        if wanted.ownership != present.ownership { names.append("ownership") }
        return names
    }

    // MARK: Removal

    private mutating func planRemoval() {
        let isDeleting = self.desired.deletionPolicy == .delete
        let ownership = self.situation.tenant?.settings.ownership
        let isOurs =
            ownership?.owner == self.owner && ownership?.source == self.desired.source
        if isOurs, isDeleting, self.isServing { self.planWithoutSQLReader() }
        // Before the tenant, which nobody would know of any more. Another's tenant of the same name
        // has credentials of its own.
        let isAnothers = self.situation.tenant != nil && !isOurs
        if isDeleting, !isAnothers, self.situation.stored?.version.isEmpty == false {
            self.plan.steps.append(.removeCredentials)
        }
        if let tenant = self.situation.tenant, isOurs {
            switch tenant.stage {
            case .active, .suspended:
                if isDeleting {
                    self.plan.steps.append(
                        .delete(graceSeconds: self.desired.deletionGraceSeconds)
                    )
                } else {
                    self.plan.steps.append(.release)
                }
            // Whoever has deleted it has had the last word.
            case .deleting, .erasing: break
            }
        }
    }

    /// Whether the tenant is there and not being deleted.
    private var isServing: Bool {
        switch self.situation.tenant?.stage {
        case .active, .suspended: true
        case .deleting, .erasing, nil: false
        }
    }
}
