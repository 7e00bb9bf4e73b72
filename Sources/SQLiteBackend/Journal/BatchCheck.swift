import ByreCore
import SQLite

/// Refuses a batch that SQLite would refuse, before the journal has it.
///
/// What is in the journal is acknowledged and has to fit. A batch that does not is a fault of the
/// program; it is better told to one caller than found at the next start.
struct BatchCheck {
    /// The greatest row so far.
    private var lastRow: RowID
    /// The tenants that there are.
    private var tenants: Set<TenantID> = []

    /// Starts from what is in the store.
    init(_ connection: Connection) throws(SQLiteError) {
        self.lastRow = RowID(rawValue: try connection.integer("SELECT max(row) FROM kv"))
        let statement = try Statement("SELECT id FROM tenant", on: connection)
        while try statement.step() {
            self.tenants.insert(TenantID(rawValue: statement.integer(0)))
        }
    }

    /// Goes on from a batch that is committed.
    mutating func add(_ batch: CommitBatch) {
        for change in batch.registry {
            switch change {
            case .create(let record, _): self.tenants.insert(record.id)
            case .erase(let id): self.tenants.remove(id)
            case .define, .beginErasing, .eraseRows, .eraseLeases: break
            }
        }
        if let last = batch.rows.last { self.lastRow = last.version.row }
    }

    /// Checks what the journal takes of `batch`.
    /// - Throws: ``BackendError/corrupt(_:)``.
    func check(_ batch: CommitBatch) throws(BackendError) {
        for tenant in batch.tenants {
            try self.check(tenant.id)
            guard tenant.revision >= 1, (-1...tenant.revision).contains(tenant.compactRevision),
                tenant.sequence >= 0, tenant.allocatedBytes >= 0
            else { throw .corrupt("the counters of tenant \(tenant.id.rawValue) make no sense") }
        }
        var last = self.lastRow
        var tenant: TenantID?
        for row in batch.rows {
            guard row.version.row > last else {
                throw .corrupt("row \(row.version.row.rawValue) follows row \(last.rawValue)")
            }
            last = row.version.row
            if row.tenant != tenant {
                try self.check(row.tenant)
                tenant = row.tenant
            }
        }
        for change in batch.leases {
            guard case .grant(let tenant, let lease) = change else { continue }
            try self.check(tenant)
            guard lease.id != .none else { throw .corrupt("a lease has no id") }
        }
        for change in batch.alarms {
            guard case .raise(let tenant, _) = change else { continue }
            try self.check(tenant)
        }
    }

    private func check(_ tenant: TenantID) throws(BackendError) {
        guard self.tenants.contains(tenant) else {
            throw .corrupt("tenant \(tenant.rawValue) is not in the store")
        }
    }
}
