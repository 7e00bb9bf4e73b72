import ByreCore
import Postgres

/// A grant, revocation or alarm as `change` keeps it.
struct StoredChange {
    enum Kind: String {
        case grant, revoke, raise, clear
    }

    let tenant: TenantID
    let kind: Kind
    /// The lease's id, or the member's.
    let subject: Int64
    var ttlSeconds: Int64 = 0
    /// The alarm's name; empty for leases.
    var alarm = ""

    init(_ change: CommitBatch.LeaseChange) {
        switch change {
        case .grant(let tenant, let lease):
            self.tenant = tenant
            self.kind = .grant
            self.subject = lease.id.rawValue
            self.ttlSeconds = lease.ttlSeconds
        case .revoke(let tenant, let id):
            self.tenant = tenant
            self.kind = .revoke
            self.subject = id.rawValue
        }
    }

    init(_ change: CommitBatch.AlarmChange) {
        let alarm: Alarm
        switch change {
        case .raise(let tenant, let raised):
            self.tenant = tenant
            self.kind = .raise
            alarm = raised
        case .clear(let tenant, let cleared):
            self.tenant = tenant
            self.kind = .clear
            alarm = cleared
        }
        self.subject = Int64(bitPattern: alarm.memberID)
        self.alarm = alarm.kind.name
    }
}

extension Alarm {
    /// An alarm as it is stored. The constraints allow no other names.
    init(name: String, memberID: Int64) {
        let kind: Alarm.Kind = name == Alarm.Kind.noSpace.name ? .noSpace : .corrupt
        self.init(kind, memberID: UInt64(bitPattern: memberID))
    }
}
