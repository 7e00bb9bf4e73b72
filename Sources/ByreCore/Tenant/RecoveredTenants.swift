/// Rebuilds the states of all tenants from what a backend reads at start.
package struct RecoveredTenants: Recovery {
    package private(set) var states: [TenantID: TenantState] = [:]
    package private(set) var logs: [TenantID: RevisionLog] = [:]
    /// The greatest row read.
    package private(set) var lastRow = RowID(rawValue: 0)
    /// The tenant that rows are being read of, kept out of the dictionary so that its index is
    /// changed in place.
    private var current: Current?

    private struct Current {
        var state: TenantState
        var log: RevisionLog

        mutating func recover(_ key: Bytes, _ version: Version) {
            let previous = self.state.index.put(key, version)
            self.state.leases.move(key, from: previous?.lease ?? .none, to: version.lease)
            self.state.grow(
                by: StoredSize.version(keyCount: key.count, valueSize: version.valueSize)
            )
            self.log.append(key, at: version.revision)
        }
    }

    package init() {}

    package mutating func tenant(_ tenant: TenantRecord) {
        self.states[tenant.id] = TenantState(tenant)
        self.logs[tenant.id] = RevisionLog()
    }

    package mutating func lease(_ tenant: TenantID, _ lease: LeaseRecord) {
        self.states[tenant]?.leases.grant(lease.id, ttlSeconds: lease.ttlSeconds)
    }

    package mutating func alarm(_ tenant: TenantID, _ alarm: Alarm) {
        self.states[tenant]?.alarms.insert(alarm)
    }

    package mutating func row(_ tenant: TenantID, key: Bytes, version: Version) {
        if self.current?.state.id != tenant { self.makeCurrent(tenant) }
        self.current?.recover(key, version)
        self.lastRow = version.row
    }

    /// Ends the recovery: nothing more will be read.
    package mutating func finish() {
        if let current {
            self.states[current.state.id] = current.state
            self.logs[current.state.id] = current.log
        }
        self.current = nil
    }

    private mutating func makeCurrent(_ tenant: TenantID) {
        self.finish()
        guard
            let state = self.states.removeValue(forKey: tenant),
            let log = self.logs.removeValue(forKey: tenant)
        else { return }
        self.current = Current(state: state, log: log)
    }
}
