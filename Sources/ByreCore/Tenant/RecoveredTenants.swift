/// Rebuilds all tenants from what a backend reads at start.
package struct RecoveredTenants: Recovery {
    /// A tenant that is being rebuilt.
    ///
    /// A class, so that rows of many tenants in turn each cost one look-up and change its index in
    /// place.
    // @unchecked: changed by the one thread that recovers, and handed on when it is done.
    package final class Tenant: @unchecked Sendable {
        package fileprivate(set) var state: TenantState
        package fileprivate(set) var log = RevisionLog()
        package let definition: TenantDefinition
        /// Whether its rows are numbered by themselves, wherever the store's own are.
        fileprivate var hasHome: Bool { self.definition.home != nil }

        fileprivate init(_ tenant: StoredTenant) {
            // Row numbers begin with 1; the first row read sets it right.
            self.state = TenantState(tenant.record, nextRow: RowID(rawValue: 1))
            self.definition = tenant.definition
        }

        fileprivate func recover(_ key: Bytes, _ version: Version) {
            self.state.rows.include(version.row)
            if self.hasHome { self.state.lastRow = max(self.state.lastRow, version.row) }
            let previous = self.state.index.put(key, version)
            self.state.leases.move(key, from: previous?.lease ?? .none, to: version.lease)
            self.state.grow(
                by: StoredSize.version(keyCount: key.count, valueSize: version.valueSize)
            )
            self.log.append(key, at: version.revision)
        }
    }

    /// What is left of a tenant whose erasing had begun.
    package struct Erasing: Sendable {
        package let id: TenantID
        package let definition: TenantDefinition
        package fileprivate(set) var rows = RowSpan(from: RowID(rawValue: 1))
        package fileprivate(set) var leaseCount = 0
    }

    package private(set) var tenants: [TenantID: Tenant] = [:]
    package private(set) var erasing: [TenantID: Erasing] = [:]
    /// The greatest row read of a tenant without a home of its own.
    package private(set) var lastRow = RowID(rawValue: 0)
    /// The tenant of the row before.
    private var current: Tenant?

    package init() {}

    package mutating func tenant(_ tenant: StoredTenant) {
        let id = tenant.record.id
        if tenant.isErasing {
            self.erasing[id] = Erasing(id: id, definition: tenant.definition)
        } else {
            self.tenants[id] = Tenant(tenant)
        }
    }

    package mutating func lease(_ tenant: TenantID, _ lease: LeaseRecord) {
        self.erasing[tenant]?.leaseCount += 1
        self.tenants[tenant]?.state.leases.grant(lease.id, ttlSeconds: lease.ttlSeconds)
    }

    package mutating func alarm(_ tenant: TenantID, _ alarm: Alarm) {
        self.tenants[tenant]?.state.alarms.insert(alarm)
    }

    package mutating func row(_ tenant: TenantID, key: Bytes, version: Version) {
        if self.current?.state.id != tenant { self.current = self.tenants[tenant] }
        if self.current?.hasHome != true { self.lastRow = version.row }
        if let current {
            current.recover(key, version)
        } else {
            self.erasing[tenant]?.rows.include(version.row)
        }
    }

    /// Ends the recovery: nothing more will be read.
    package mutating func finish() {
        self.current = nil
        for tenant in self.tenants.values where tenant.state.rows.isEmpty {
            tenant.state.rows = RowSpan(
                from: tenant.hasHome ? tenant.state.nextRow : self.lastRow.next
            )
        }
    }
}
