import ByreCore
import SQLite

extension Writer {
    /// Writes batches of the journal in one transaction, which is not synced.
    ///
    /// When it throws, ``lastRecord()`` tells whether they are in the store all the same.
    /// - Complexity: O(rows log pages).
    func write(_ batches: [NumberedBatch]) throws(SQLiteError) {
        do throws(SQLiteError) {
            try self.begin.run()
            try self.apply(batches)
            try self.commit.run()
        } catch {
            self.commitFailure = error
            self.rollBack()
            throw error
        }
    }

    /// Writes batches of the journal, and then one that is not in it, in one transaction.
    ///
    /// On return they are in the log, and all of the log is synced. When it throws, nothing of them is
    /// in the store.
    ///
    /// The rows that `batch` removes go first, and once more in their turn: where there is no room
    /// for the batches that wait, this makes some.
    /// - Parameter record: the number of the last record of the journal, `batches` included.
    /// - Complexity: O(rows log pages).
    func writeDurably(
        _ batches: [NumberedBatch],
        then batch: CommitBatch,
        record: Int64
    ) throws(BackendError) {
        try self.synced { () throws(BackendError) in
            try self.write(batches, then: batch, record: record)
        }
    }

    private func write(
        _ batches: [NumberedBatch],
        then batch: CommitBatch,
        record: Int64
    ) throws(BackendError) {
        do throws(SQLiteError) {
            try self.begin.run()
            if !batches.isEmpty { try self.remove(batch.removedRows) }
            try self.apply(batches)
            for change in batch.registry { try self.apply(change) }
            try self.applyChanges(of: batch)
            for tenant in batch.tenants { try self.update(tenant, record) }
            // Tenants may have gone, and with them what they knew of the journal.
            try self.setJournal.bind(record, at: 1)
            try self.setJournal.run()
        } catch {
            self.rollBack()
            throw BackendError(error)
        }
        do {
            try self.commit.run()
        } catch {
            self.rollBack()
            self.commitFailure = error
            try self.resolve(batch, after: error)
        }
    }

    /// The number of the last record of the journal that is in the store.
    func lastRecord() throws(SQLiteError) -> Int64 {
        defer { self.journalRecord.reset() }
        return try self.journalRecord.step() ? self.journalRecord.integer(0) : 0
    }

    private func apply(_ batches: [NumberedBatch]) throws(SQLiteError) {
        guard let last = batches.last else { return }
        for numbered in batches { try self.applyChanges(of: numbered.batch) }
        // A tenant's counters are written once, as the last batch leaves them.
        var written: Set<TenantID> = []
        for numbered in batches.reversed() {
            for tenant in numbered.batch.tenants where written.insert(tenant.id).inserted {
                try self.update(tenant, last.number)
            }
        }
    }

    /// Applies all of a batch but what it says of tenants.
    private func applyChanges(of batch: CommitBatch) throws(SQLiteError) {
        if let first = batch.rows.first {
            try self.times.note(first.version.row, at: batch.committedAt)
        }
        try self.append(batch.rows)
        for change in batch.leases { try self.apply(change, at: batch.committedAt) }
        for change in batch.alarms { try self.apply(change) }
        try self.remove(batch.removedRows)
    }

    /// Appends rows, as many by one statement as ``rowsAtOnce``.
    private func append(_ rows: [CommitBatch.Row]) throws(SQLiteError) {
        var rest = rows[...]
        while rest.count >= Self.rowsAtOnce {
            try self.run(self.insertRows, with: rest.prefix(Self.rowsAtOnce))
            rest = rest.dropFirst(Self.rowsAtOnce)
        }
        for place in rest.indices { try self.run(self.insertRow, with: rest[place...place]) }
    }

    /// Runs a statement that inserts rows: binds the first from the parameter `first` on, lends its key and
    /// value, and goes on with the others.
    private func run(
        _ statement: borrowing Statement,
        with rows: ArraySlice<CommitBatch.Row>,
        from first: Int = 1
    ) throws(SQLiteError) {
        guard let row = rows.first else {
            try statement.run()
            return
        }
        try statement.bind(row.version.row.rawValue, at: first)
        try statement.bind(row.tenant.rawValue, at: first + 1)
        try statement.bind(row.version.modRevision, at: first + 2)
        try statement.bind(Int64(row.version.sub), at: first + 3)
        try statement.bind(row.version.createRevision, at: first + 4)
        try statement.bind(row.version.version, at: first + 5)
        try statement.bind(row.version.lease.rawValue, at: first + 6)
        try statement.withBound(row.key, at: first + 7) { () throws(SQLiteError) in
            try statement.withBound(row.value, at: first + 8) { () throws(SQLiteError) in
                try self.run(statement, with: rows.dropFirst(), from: first + 9)
            }
        }
    }

    private func apply(
        _ change: CommitBatch.LeaseChange,
        at seconds: Int64
    ) throws(SQLiteError) {
        switch change {
        case .grant(let tenant, let lease):
            try self.insertLease.bind(tenant.rawValue, at: 1)
            try self.insertLease.bind(lease.id.rawValue, at: 2)
            try self.insertLease.bind(lease.ttlSeconds, at: 3)
            try self.insertLease.bind(seconds, at: 4)
            try self.insertLease.run()
        case .revoke(let tenant, let id):
            try self.deleteLease.bind(tenant.rawValue, at: 1)
            try self.deleteLease.bind(id.rawValue, at: 2)
            try self.deleteLease.run()
        }
    }

    private func apply(_ change: CommitBatch.AlarmChange) throws(SQLiteError) {
        switch change {
        case .raise(let tenant, let alarm): try self.run(self.insertAlarm, tenant, alarm)
        case .clear(let tenant, let alarm): try self.run(self.deleteAlarm, tenant, alarm)
        }
    }

    private func run(
        _ statement: borrowing Statement,
        _ tenant: TenantID,
        _ alarm: Alarm
    ) throws(SQLiteError) {
        try statement.bind(tenant.rawValue, at: 1)
        try statement.bind(Int64(bitPattern: alarm.memberID), at: 2)
        try statement.bind(alarm.kind.name, at: 3)
        try statement.run()
    }

    private func remove(
        _ removed: [(tenant: TenantID, rows: [RowID])]
    ) throws(SQLiteError) {
        for (tenant, rows) in removed { try self.remove(rows, of: tenant) }
    }

    /// Deletes `rows`, ascending; those that are consecutive with one statement.
    private func remove(_ rows: [RowID], of tenant: TenantID) throws(SQLiteError) {
        self.mayHaveFreePages = true
        var start = 0
        while start < rows.count {
            var end = start + 1
            while end < rows.count, rows[end].rawValue == rows[end - 1].rawValue + 1 { end += 1 }
            if end == start + 1 {
                try self.deleteRow.bind(rows[start].rawValue, at: 1)
                try self.deleteRow.bind(tenant.rawValue, at: 2)
                try self.deleteRow.run()
            } else {
                try self.deleteRows.bind(rows[start].rawValue, at: 1)
                try self.deleteRows.bind(tenant.rawValue, at: 2)
                try self.deleteRows.bind(rows[end - 1].rawValue, at: 3)
                try self.deleteRows.run()
            }
            start = end
        }
        try self.times.forget(rows)
    }

    private func apply(_ change: RegistryChange) throws(SQLiteError) {
        switch change {
        case .eraseRows: self.mayHaveFreePages = true
        case .create, .define, .beginErasing, .eraseLeases, .erase: break
        }
        try self.registry.apply(change)
    }

    /// Writes what changes in a tenant's life. Its name and its etcd ids are set once.
    private func update(_ tenant: TenantRecord, _ record: Int64) throws(SQLiteError) {
        try self.updateTenant.bind(tenant.id.rawValue, at: 1)
        try self.updateTenant.bind(tenant.revision, at: 2)
        try self.updateTenant.bind(tenant.compactRevision, at: 3)
        try self.updateTenant.bind(tenant.sequence, at: 4)
        try self.updateTenant.bind(tenant.allocatedBytes, at: 5)
        try self.updateTenant.bind(record, at: 6)
        try self.updateTenant.run()
        guard self.connection.changes == 1 else {
            throw .contradiction("tenant \(tenant.id.rawValue) is not in the store")
        }
    }

    /// Ends the transaction without effect, if SQLite has not done so already.
    func rollBack() {
        self.times.rolledBack()
        guard self.connection.isInTransaction else { return }
        // A rollback in WAL mode forgets pages in memory; the failure that led here is told.
        try? self.rollback.run()
    }

    /// Finds out what a failed COMMIT left behind, and makes it certain.
    ///
    /// SQLite publishes a transaction to all connections after the log is synced, so a COMMIT that
    /// failed is invisible. But when the sync itself failed, the frames with their commit mark may
    /// be in the log file, and recovery after a crash would take them for committed. Any later
    /// commit writes over them, so an empty one is made at once.
    /// - Throws: ``BackendError/unavailable(_:)`` when it is certain that nothing was committed,
    ///   ``BackendError/uncertain(_:)`` when a crash now could still bring the batch to life.
    private func resolve(_ batch: CommitBatch, after error: SQLiteError) throws(BackendError) {
        do {
            if try self.isCommitted(batch) { return }
        } catch {
            throw BackendError.uncertain(error.description)
        }
        // The frame with the commit mark is written last, so without room, or when a write was
        // refused, there is none.
        guard error.code.primary == .ioError, error.code != .ioErrorWrite else {
            throw BackendError(error)
        }
        do {
            try self.writeNothing()
        } catch let second {
            self.isInDoubt = true
            throw BackendError.uncertain("\(error), then \(second)")
        }
        throw BackendError(error)
    }

    /// Makes certain that a batch whose outcome was not known is not there, before another one takes
    /// its numbers.
    func settleDoubt() throws(BackendError) {
        guard self.isInDoubt else { return }
        try self.synced { () throws(BackendError) in
            do throws(SQLiteError) {
                try self.writeNothing()
            } catch {
                throw BackendError(error)
            }
        }
        self.isInDoubt = false
    }

    /// Commits a transaction that changes nothing: it rewrites the schema version.
    func writeNothing() throws(SQLiteError) {
        try self.connection.execute("PRAGMA user_version = \(Schema.version)")
    }

    /// Whether the effects of `batch` can be read.
    private func isCommitted(_ batch: CommitBatch) throws(SQLiteError) -> Bool {
        if let row = batch.rows.last?.version.row {
            try self.rowExists.bind(row.rawValue, at: 1)
            defer { self.rowExists.reset() }
            return try self.rowExists.step()
        }
        if let removed = batch.removedRows.first?.rows.first {
            try self.rowExists.bind(removed.rawValue, at: 1)
            defer { self.rowExists.reset() }
            return try !self.rowExists.step()
        }
        for tenant in batch.tenants {
            try self.tenantPoint.bind(tenant.id.rawValue, at: 1)
            defer { self.tenantPoint.reset() }
            guard try self.tenantPoint.step() else { return false }
            if self.tenantPoint.integer(0) != tenant.revision { return false }
            if self.tenantPoint.integer(1) != tenant.sequence { return false }
        }
        for change in batch.registry where try !self.registry.isCommitted(change) { return false }
        return true
    }
}
