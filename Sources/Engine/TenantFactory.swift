import ByreCore

/// Makes the running form of tenants: at start those recovered, later those created.
struct TenantFactory: Sendable {
    let pins: ReadPins
    let catchUp: CatchUp
    let watchLimits: WatchLimits
    /// What a tenant's limits leave open.
    let quota: Quota
    let encodeEvent: WatchEventEncoder
    /// This instance of a shared store.
    let instance: InstanceRecord?

    func make(
        _ state: TenantState,
        _ definition: TenantDefinition,
        log: RevisionLog = RevisionLog()
    ) -> TenantStore {
        let hub = WatchHub(
            committedRevision: state.revision,
            compactRevision: state.compactRevision,
            log: log,
            limits: self.watchLimits,
            encode: self.encodeEvent
        )
        return TenantStore(
            state,
            definition,
            hub: hub,
            memberID: self.instance?.memberID(in: state.memberID) ?? state.memberID,
            pins: self.pins,
            catchUp: self.catchUp,
            quota: self.quota
        )
    }

    /// Makes a recovered tenant; its leases have their full time again.
    func make(
        _ recovered: RecoveredTenants.Tenant,
        now: Int64,
        leaseGraceNanoseconds: Int64
    ) -> TenantStore {
        let state = recovered.state
        let tenant = self.make(state, recovered.definition, log: recovered.log)
        tenant.withLive { live in
            for lease in state.leases.records {
                live.lessor.start(
                    lease.id,
                    ttlSeconds: lease.ttlSeconds,
                    now: now,
                    extraNanoseconds: leaseGraceNanoseconds
                )
            }
        }
        return tenant
    }
}
