/// What would be done about one declaration.
package struct PlannedTenant: Hashable, Sendable {
    package let key: DeclarationKey
    /// The tenant's name on the server.
    package let name: String
    /// Where the declaration stands, for people.
    package let place: String
    package let plan: Plan
    /// Why not all could be looked at.
    package let failure: StepFailure?
}

extension Reconciler {
    /// Looks at everything, and changes nothing.
    package func plans() throws(ReconcilerProblem) -> [PlannedTenant] {
        let declarations: [DesiredTenant]
        do {
            declarations = try self.source.declarations()
        } catch {
            throw .source(error)
        }
        let admin: any TenantAdmin
        let tenants: [ActualTenant]
        do {
            admin = try self.connect()
            tenants = try admin.list()
        } catch {
            throw .server(error)
        }
        return self.items(declarations, tenants).map { item in
            var work = TenantWork(
                item.desired,
                tenant: item.tenant,
                admin: admin,
                source: self.source,
                sink: self.sink,
                issuer: CertificateIssuer(in: self.authorityDirectory),
                settings: self.settings,
                tell: self.tell
            )
            var failure: StepFailure?
            do throws(StepFailure) {
                try work.look()
            } catch {
                failure = error
            }
            return PlannedTenant(
                key: item.desired.key,
                name: item.desired.name,
                place: item.desired.place,
                plan: work.plan,
                failure: failure
            )
        }
    }
}
