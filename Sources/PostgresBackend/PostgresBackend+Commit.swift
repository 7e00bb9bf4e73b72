package import ByreCore
import Postgres

extension PostgresBackend {
    /// Makes a batch durable: in the transaction that is under way, or, if there is none, in one of
    /// its own.
    /// - Complexity: one round trip, and O(size of the batch); one more without a transaction.
    package func commit(_ batch: CommitBatch) throws(BackendError) {
        try self.checkOpen()
        guard !batch.isEmpty else {
            self.abandonTransaction()
            return
        }
        let tenants = batch.lockedTenants
        if self.transaction == nil { _ = try self.beginTransaction(locking: tenants) }
        var dropping: [TenantID: String] = [:]
        do throws(BackendError) {
            try self.lockMore(tenants)
            try self.check(batch)
            if !batch.registry.isEmpty { dropping = try self.prepareHomes(for: batch.registry) }
        } catch {
            self.abandonTransaction()
            throw error
        }
        guard let transaction = self.transaction else { throw .unavailable("no transaction") }
        self.transaction = nil
        let writing = self.writing(batch, tenants: transaction.tenants, dropping: dropping)
        // A batch may write to what it creates.
        self.noteHomes(madeBy: batch)
        var commitIndex = 0
        do throws(PostgresError) {
            try transaction.connection.pipeline { pipeline in
                writing.write(to: &pipeline)
                commitIndex = pipeline.count
                pipeline.commit()
                self.notify(of: batch, on: &pipeline)
            }
        } catch {
            do throws(BackendError) {
                guard
                    try !self.isCommitted(
                        after: error,
                        commitIndex: commitIndex,
                        token: transaction.token,
                        transaction.connection
                    )
                else { return self.committed(batch) }
                throw BackendError(error)
            } catch {
                for case .create(let record, _) in batch.registry {
                    self.homes.set(nil, of: record.id)
                }
                throw error
            }
        }
        self.committed(batch)
    }

    /// One round trip.
    package func commit(
        _ batch: CommitBatch,
        decidedOn basis: [TenantSequence]
    ) throws(BackendError) -> Bool {
        try self.checkOpen()
        if self.transaction != nil { self.abandonTransaction() }
        let written = Set(batch.tenants.map(\.id))
        let others = basis.filter { !written.contains($0.tenant) }
        let token = self.nextToken()
        let writing = self.writing(batch)
        let connection: PostgresConnection
        do throws(PostgresError) {
            connection = try self.writer.connected()
        } catch {
            throw BackendError(error)
        }
        // Nothing has been sent yet, so there is nothing to be looked up.
        guard connection.isStillThere() else { return false }
        var commitIndex = 0
        do throws(PostgresError) {
            try connection.pipeline { pipeline in
                if !batch.isEmpty {
                    pipeline.begin()
                    writing.write(to: &pipeline, decidedOn: basis, token: token)
                }
                if !others.isEmpty { pipeline.add(self.sql.areUnchanged, others.columns) }
                guard !batch.isEmpty else { return }
                commitIndex = pipeline.count
                pipeline.commit()
                self.notify(of: batch, on: &pipeline)
            }
        } catch {
            if batch.isEmpty {
                self.writer.dropIfUseless(after: error)
                guard error.meansChanged else { throw BackendError(error) }
                return false
            }
            guard
                try !self.isCommitted(
                    after: error,
                    commitIndex: commitIndex,
                    token: token,
                    connection
                )
            else {
                self.committed(batch)
                return true
            }
            guard error.meansChanged else { throw BackendError(error) }
            return false
        }
        self.committed(batch)
        return true
    }

    private func writing(
        _ batch: CommitBatch,
        tenants: [TenantID: LockedTenant] = [:],
        dropping: [TenantID: String] = [:]
    ) -> BatchWriter {
        BatchWriter(
            batch: batch,
            tenants: tenants,
            undated: self.times.undated(in: batch),
            instance: self.instance,
            sql: self.sql,
            homes: self.homes,
            dropping: dropping
        )
    }

    private func committed(_ batch: CommitBatch) {
        for case .erase(let id) in batch.registry { self.homes.set(nil, of: id) }
        self.times.committed(batch)
    }

    private func noteHomes(madeBy batch: CommitBatch) {
        for case .create(let record, let definition) in batch.registry {
            if let home = definition.home { self.homes.set(home, of: record.id) }
        }
    }

    /// Finds out what a failed commit left behind.
    /// - Returns: whether it is committed.
    /// - Throws: ``BackendError/uncertain(_:)`` when that cannot be learned.
    private func isCommitted(
        after error: PostgresError,
        commitIndex: Int,
        token: Int64,
        _ connection: PostgresConnection
    ) throws(BackendError) -> Bool {
        // Every statement before the one that failed is done. The notification is after it; who did
        // not hear it finds out by looking.
        if let index = error.index, index > commitIndex {
            if !connection.isAlive { self.writer.drop() }
            return true
        }
        switch error.kind {
        case .server where connection.isAlive:
            Self.rollBack(connection)
            self.writer.dropIfUseless(after: error)
            return false
        case .server, .connection, .timeout:
            self.writer.drop()
            return try self.wasCommitted(token)
        }
    }

    /// Locks those of `tenants` that the transaction does not hold yet.
    private func lockMore(_ tenants: [TenantID]) throws(BackendError) {
        guard let transaction = self.transaction else { return }
        let missing = tenants.filter { transaction.tenants[$0] == nil }
        guard !missing.isEmpty else { return }
        do throws(PostgresError) {
            let found = try transaction.connection.query(
                self.sql.lockTenants,
                self.locking(missing)
            )
            for row in found {
                let tenant = LockedTenant(row)
                self.transaction?.tenants[tenant.record.id] = tenant
            }
        } catch {
            self.writer.dropIfUseless(after: error)
            throw BackendError(error)
        }
    }

    /// Checks what would go unnoticed in SQL: that what is changed is there, and is what the writer
    /// thinks it is.
    private func check(_ batch: CommitBatch) throws(BackendError) {
        let locked = self.transaction?.tenants ?? [:]
        var points = locked.mapValues(\.record)
        for change in batch.registry {
            switch change {
            case .create(let record, _): points[record.id] = record
            case .define(let id, let definition):
                guard let tenant = locked[id], definition.lifecycle == .active else { break }
                try self.checkImporter(of: tenant)
            case .eraseRows(let id, _):
                if let tenant = locked[id] { try self.checkImporter(of: tenant) }
            case .beginErasing, .eraseLeases, .erase: break
            }
        }
        for tenant in batch.lockedTenants where points[tenant] == nil {
            throw .corrupt("tenant \(tenant.rawValue) is not in the store")
        }
        for tenant in batch.tenants {
            guard let point = points[tenant.id] else { continue }
            // Its rows would outlive it.
            if locked[tenant.id]?.isErasing == true {
                throw .unavailable("tenant \(tenant.id.rawValue) is being erased")
            }
            guard
                tenant.revision >= point.revision && tenant.sequence > point.sequence
                    || tenant == point
            else {
                throw .unavailable("tenant \(tenant.id.rawValue) was changed by another instance")
            }
        }
        for tenant in batch.importingTenants {
            if let tenant = locked[tenant] { try self.checkImporter(of: tenant) }
        }
    }

    /// Keeps what one instance imports into a tenant from others.
    private func checkImporter(of tenant: LockedTenant) throws(BackendError) {
        guard let importer = tenant.importer, importer != self.instance, let transaction else {
            return
        }
        let isAlive: Bool
        do throws(PostgresError) {
            isAlive =
                try transaction.connection.query(
                    self.sql.importLives,
                    [
                        .int8(Int64(self.limits.importSeconds)),
                        .int8(Int64(self.limits.instanceSeconds)),
                        .int8(tenant.record.id.rawValue),
                    ]
                ).first?.bool(0) ?? false
        } catch {
            self.writer.dropIfUseless(after: error)
            throw BackendError(error)
        }
        guard isAlive else { return }
        throw .unavailable("another instance imports into tenant \(tenant.record.id.rawValue)")
    }

    /// Tells the other instances, once it is committed: inside the transaction, it would make all
    /// commits of the database wait for one another.
    private func notify(of batch: CommitBatch, on pipeline: inout Pipeline) {
        let words = Notification(
            tenants: batch.tenants,
            hasRegistry: !batch.registry.isEmpty,
            countMax: self.limits.notifiedTenantsMax
        )
        pipeline.add(
            self.sql.notify,
            [.text(Notification.channel(of: self.address)), .text(words.payload)]
        )
    }
}

extension PostgresError {
    /// Whether a commit that was decided on some state had better begin anew: that state is not the
    /// newest, or the connection was lost, maybe long before.
    fileprivate var meansChanged: Bool {
        self.kind == .connection || self.isSerialization
            || self.sqlState == StoreStatements.changedState
    }
}

extension [TenantSequence] {
    /// Two parameters: the tenants and the sequences.
    fileprivate var columns: [PostgresValue] {
        [.int8s(self.map(\.tenant.rawValue)), .int8s(self.map(\.sequence))]
    }
}

extension CommitBatch {
    /// Tenants that must be in the store and locked: all that the batch changes, but those that it
    /// creates.
    var lockedTenants: [TenantID] {
        var created: Set<TenantID> = []
        var tenants: Set<TenantID> = Set(self.tenants.map(\.id))
        for change in self.registry {
            if case .create = change {
                created.insert(change.tenant)
            } else {
                tenants.insert(change.tenant)
            }
        }
        return tenants.subtracting(created).sorted()
    }

    /// Tenants that get rows above their commit point.
    var importingTenants: Set<TenantID> {
        let points = Dictionary(
            self.tenants.map { ($0.id, $0.revision) },
            uniquingKeysWith: { _, last in last }
        )
        var importing: Set<TenantID> = []
        for row in self.rows where row.version.modRevision > points[row.tenant] ?? .max {
            importing.insert(row.tenant)
        }
        return importing
    }
}
