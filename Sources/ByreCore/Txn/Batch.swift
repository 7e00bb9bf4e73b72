/// Operations of many tenants on their way to one commit: what is to be written, and how the rows are
/// numbered.
///
/// A later operation of the batch sees what an earlier one did. Nothing is visible to readers until
/// the commit has succeeded. Belongs to the committer thread.
package final class Batch {
    /// What the commit will write.
    package private(set) var commit = CommitBatch()
    /// Row of the next version, with ``RowNumbering/store``; rows are numbered without gaps within a
    /// batch.
    package var nextRow: RowID {
        let count = self.numbering == .store ? self.commit.rows.count : 0
        return RowID(rawValue: self.firstRow.rawValue + Int64(count))
    }
    let numbering: RowNumbering
    private let firstRow: RowID
    /// Where the rows are in `commit`, with ``RowNumbering/tenant``.
    private var places: [RowID: Int] = [:]

    /// - Parameter rowCount: how many rows are likely, to make room for.
    package init(firstRow: RowID, numbering: RowNumbering = .store, rowCount: Int = 0) {
        self.firstRow = firstRow
        self.numbering = numbering
        self.commit.rows.reserveCapacity(rowCount)
    }

    /// Row of the next version of a tenant.
    func nextRow(of state: TenantState) -> RowID {
        switch self.numbering {
        case .store: self.nextRow
        case .tenant: state.nextRow
        }
    }

    package var isEmpty: Bool { self.commit.isEmpty }

    /// Bytes of keys and values to be written: what the bound on a batch is compared with.
    package private(set) var bytes = 0

    func append(_ key: Bytes, _ version: Version, _ value: Bytes, of tenant: TenantID) {
        switch self.numbering {
        case .store:
            precondition(version.row == self.nextRow, "rows of a batch are numbered in order")
        case .tenant:
            self.places[version.row] = self.commit.rows.count
        }
        self.commit.rows.append(
            CommitBatch.Row(tenant: tenant, key: key, version: version, value: value)
        )
        self.bytes += key.count + value.count
    }

    func append(_ lease: CommitBatch.LeaseChange) {
        self.commit.leases.append(lease)
    }

    func append(_ alarm: CommitBatch.AlarmChange) {
        self.commit.alarms.append(alarm)
    }

    /// Adds compacted rows, ascending, to be deleted.
    package func remove(_ rows: [RowID], of tenant: TenantID) {
        self.commit.removedRows.append((tenant: tenant, rows: rows))
    }

    /// Takes back what ``remove(_:of:)`` added.
    package func dropRemovals() {
        self.commit.removedRows = []
    }

    /// Adds the state in which the batch leaves a tenant. Once a tenant, after its operations.
    package func finish(_ state: TenantState) {
        self.commit.tenants.append(state.record)
    }

    /// The value of a row of this batch, or nil when the row is older.
    package func pendingValue(_ row: RowID) -> Bytes? {
        if self.numbering == .tenant {
            return self.places[row].map { self.commit.rows[$0].value }
        }
        guard row >= self.firstRow, row < self.nextRow else { return nil }
        return self.commit.rows[Int(row.rawValue - self.firstRow.rawValue)].value
    }

    /// Takes back rows and lease changes appended since `mark`.
    func rewind(to mark: Mark) {
        let excess = self.commit.rows.count - mark.rows
        self.bytes -= self.commit.rows.suffix(excess).reduce(0) {
            $0 + $1.key.count + $1.value.count
        }
        if self.numbering == .tenant {
            for row in self.commit.rows.suffix(excess) { self.places[row.version.row] = nil }
        }
        self.commit.rows.removeLast(excess)
        self.commit.leases.removeLast(self.commit.leases.count - mark.leases)
    }

    /// A place in the batch to come back to.
    struct Mark {
        fileprivate let rows: Int
        fileprivate let leases: Int
    }

    var mark: Mark { Mark(rows: self.commit.rows.count, leases: self.commit.leases.count) }
}

/// Finds values in the batch first, where those of this commit are, then with the backend.
///
/// Not generic: its type would be looked up at run time for each write, wanted or not, since the loader is
/// another module's.
struct BatchValues: ValueLoader {
    let batch: Batch
    let loader: any ValueLoader

    func value(of tenant: TenantID, row: RowID) throws(BackendError) -> Bytes {
        if let pending = self.batch.pendingValue(row) { return pending }
        return try self.loader.value(of: tenant, row: row)
    }
}
