import ByreCore
import Controller
import TLS
import Testing

let owner = "file:/etc/byre/tenants.yaml"
let acmeUID = "11111111-1111-4111-8111-111111111111"

/// A declaration of the tenant acme.
func declared(_ edit: (inout DesiredTenant) -> Void = { _ in }) -> DesiredTenant {
    var tenant = DesiredTenant(
        key: DeclarationKey("acme"),
        name: "acme",
        place: "tenants.yaml:2:5",
        source: "acme"
    )
    edit(&tenant)
    return tenant
}

/// The tenant acme as a server has it, made from `declared()`.
func present(_ edit: (inout ActualTenant) -> Void = { _ in }) -> ActualTenant {
    var settings = TenantSettings()
    settings.ownership = TenantOwnership(
        owner: owner,
        source: "acme",
        deletionPolicy: .retain,
        deletionGraceSeconds: 86_400
    )
    var tenant = ActualTenant(
        name: "acme",
        uid: acmeUID,
        prefix: TenantDefinition.defaultPrefix(of: "acme"),
        stage: .active,
        isolation: .shared,
        settings: settings,
        generation: 3,
        clusterID: 7
    )
    edit(&tenant)
    return tenant
}

func situation(
    _ tenant: ActualTenant?,
    _ edit: (inout Situation) -> Void = { _ in }
) -> Situation {
    var situation = Situation()
    situation.tenant = tenant
    edit(&situation)
    return situation
}

/// The names of a plan's steps.
func steps(
    _ desired: DesiredTenant,
    _ situation: Situation,
    now: Int64 = 1_000
) -> [String] {
    plan(for: desired, in: situation, owner: owner, now: now).steps.map(\.name)
}

/// The reasons of a plan's obstacles.
func reasons(
    _ desired: DesiredTenant,
    _ situation: Situation,
    now: Int64 = 1_000
) -> [Condition.Reason] {
    plan(for: desired, in: situation, owner: owner, now: now).obstacles.map(\.reason)
}
