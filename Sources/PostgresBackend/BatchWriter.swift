import ByreCore
import Postgres

/// Writes a batch as statements, a few for each kind of change however many there are.
struct BatchWriter {
    let batch: CommitBatch
    /// What is locked, as it was before.
    let tenants: [TenantID: LockedTenant]
    /// The first rows of tenants whose time is to be noted.
    let undated: [(tenant: TenantID, row: RowID)]
    let instance: Int64
    let sql: StoreStatements
    let homes: Homes
    /// Tenants that are erased with their schemas.
    var dropping: [TenantID: String] = [:]

    /// Adds what the batch writes to tenants that are locked.
    func write(to pipeline: inout Pipeline) {
        RegistryWriter(sql: self.sql, homes: self.homes, dropping: self.dropping)
            .write(self.batch.registry, to: &pipeline)
        self.writeImports(&pipeline)
        self.writeContents(&pipeline)
        self.writeTenants(self.batch.tenants, &pipeline)
        for home in self.housed { home.writeCopy(to: &pipeline) }
    }

    /// Adds what the batch writes to tenants that nobody has locked: an error, if one of them is not
    /// what the batch was decided on. It changes no registry.
    func write(
        to pipeline: inout Pipeline,
        decidedOn basis: [TenantSequence],
        token: Int64
    ) {
        self.writeTenants(decidedOn: basis, token: token, &pipeline)
        self.writeContents(&pipeline)
        for home in self.housed { home.writeCopy(to: &pipeline) }
    }

    private func writeContents(_ pipeline: inout Pipeline) {
        let hasHoused =
            !self.homes.isEmpty
            && self.batch.tenants.contains { self.homes.schema(of: $0.id) != nil }
        if !hasHoused {
            self.writeRows(self.batch.rows, self.undated, &pipeline)
        } else {
            self.writeRows(
                self.batch.rows.filter { self.homes.schema(of: $0.tenant) == nil },
                self.undated.filter { self.homes.schema(of: $0.tenant) == nil },
                &pipeline
            )
        }
        self.writeLeases(&pipeline)
        self.writeAlarms(&pipeline)
        self.writeChanges(&pipeline)
        self.removeRows(&pipeline)
    }

    /// The parts of the batch that are about tenants with a home, each for its home.
    private var housed: [BatchWriter] {
        guard !self.homes.isEmpty else { return [] }
        return self.batch.tenants.sorted { $0.id < $1.id }.compactMap { tenant in
            self.homes.schema(of: tenant.id).map { schema in
                BatchWriter(
                    batch: self.batch.part(of: tenant),
                    tenants: [:],
                    undated: self.undated.filter { $0.tenant == tenant.id },
                    instance: self.instance,
                    sql: StoreStatements(schema: schema),
                    homes: self.homes
                )
            }
        }
    }

    /// Writes what makes a home whole: the rows, and what the store's schema has too.
    private func writeCopy(to pipeline: inout Pipeline) {
        self.writeRows(self.batch.rows, self.undated, &pipeline)
        self.writeLeases(&pipeline)
        self.writeAlarms(&pipeline)
        self.writeTenants(self.batch.tenants, &pipeline)
    }

    /// Has an import begin, go on or end. What another one left above the commit point goes first.
    private func writeImports(_ pipeline: inout Pipeline) {
        for id in self.batch.importingTenants.sorted() {
            if self.tenants[id]?.importer != self.instance {
                self.homes.sql(of: id).deleteRowsAbove(id, on: &pipeline)
            }
            pipeline.add(self.sql.beginImport, [.int8(id.rawValue), .int8(self.instance)])
        }
        for change in self.batch.registry {
            guard let importer = self.tenants[change.tenant]?.importer else { continue }
            let id = PostgresValue.int8(change.tenant.rawValue)
            switch change {
            case .define(_, let definition) where definition.lifecycle == .active:
                if importer != self.instance {
                    self.homes.sql(of: change.tenant).deleteRowsAbove(change.tenant, on: &pipeline)
                }
                pipeline.add(self.sql.endImport, [id])
            case .eraseRows:
                // It has failed, or nobody goes on with it.
                pipeline.add(self.sql.giveUpImport, [id, .int8(self.instance)])
            case .create, .define, .beginErasing, .eraseLeases, .erase: break
            }
        }
    }

    private func writeRows(
        _ rows: [CommitBatch.Row],
        _ undated: [(tenant: TenantID, row: RowID)],
        _ pipeline: inout Pipeline
    ) {
        guard !rows.isEmpty else { return }
        pipeline.add(
            self.sql.insertRows,
            [
                .int8s(rows.map(\.version.row.rawValue)),
                .int8s(rows.map(\.tenant.rawValue)),
                .int8s(rows.map(\.version.modRevision)),
                .int8s(rows.map { Int64($0.version.sub) }),
                .int8s(rows.map(\.version.createRevision)),
                .int8s(rows.map(\.version.version)),
                .int8s(rows.map(\.version.lease.rawValue)),
                .byteArrays(rows.map(\.key)),
                .byteArrays(rows.map(\.value)),
            ]
        )
        guard !undated.isEmpty else { return }
        pipeline.add(
            self.sql.noteTimes,
            [.int8s(undated.map(\.tenant.rawValue)), .int8s(undated.map(\.row.rawValue))]
        )
    }

    private struct LeaseKey: Hashable {
        let tenant: TenantID
        let id: LeaseID
    }

    /// A lease that is granted and revoked in one batch is what the last change makes it.
    private func writeLeases(_ pipeline: inout Pipeline) {
        guard !self.batch.leases.isEmpty else { return }
        var last: [LeaseKey: Int64?] = [:]
        for change in self.batch.leases {
            switch change {
            case .grant(let tenant, let lease):
                last[LeaseKey(tenant: tenant, id: lease.id)] = .some(lease.ttlSeconds)
            case .revoke(let tenant, let id):
                last[LeaseKey(tenant: tenant, id: id)] = .some(nil)
            }
        }
        // In one order, so that instances never wait for each other in a circle.
        let sorted = last.sorted { ($0.key.tenant, $0.key.id) < ($1.key.tenant, $1.key.id) }
        let granted = sorted.compactMap { key, ttl in ttl.map { (key, $0) } }
        let revoked = sorted.filter { $0.value == nil }.map(\.key)
        if !granted.isEmpty {
            pipeline.add(
                self.sql.grant,
                [
                    .int8s(granted.map(\.0.tenant.rawValue)), .int8s(granted.map(\.0.id.rawValue)),
                    .int8s(granted.map(\.1)),
                ]
            )
        }
        if !revoked.isEmpty {
            pipeline.add(
                self.sql.revoke,
                [.int8s(revoked.map(\.tenant.rawValue)), .int8s(revoked.map(\.id.rawValue))]
            )
        }
    }

    private func writeAlarms(_ pipeline: inout Pipeline) {
        for change in self.batch.alarms {
            let (statement, tenant, alarm) =
                switch change {
                case .raise(let tenant, let alarm): (self.sql.raise, tenant, alarm)
                case .clear(let tenant, let alarm): (self.sql.clear, tenant, alarm)
                }
            pipeline.add(
                statement,
                [
                    .int8(tenant.rawValue), .int8(Int64(bitPattern: alarm.memberID)),
                    .text(alarm.kind.name),
                ]
            )
        }
    }

    /// Leaves for other instances what does not show in `kv`.
    private func writeChanges(_ pipeline: inout Pipeline) {
        guard !self.batch.leases.isEmpty || !self.batch.alarms.isEmpty else { return }
        var sequences: [TenantID: Int64] = [:]
        for tenant in self.batch.tenants { sequences[tenant.id] = tenant.sequence }
        let changes =
            self.batch.leases.map(StoredChange.init) + self.batch.alarms.map(StoredChange.init)
        pipeline.add(
            self.sql.insertChanges,
            [
                .int8s(changes.map(\.tenant.rawValue)),
                .int8s(changes.map { sequences[$0.tenant] ?? 0 }),
                .int8s(changes.indices.map(Int64.init)),
                .texts(changes.map(\.kind.rawValue)),
                .int8s(changes.map(\.subject)),
                .int8s(changes.map(\.ttlSeconds)),
                .texts(changes.map(\.alarm)),
            ]
        )
    }

    private func removeRows(_ pipeline: inout Pipeline) {
        for (tenant, rows) in self.batch.removedRows where !rows.isEmpty {
            self.homes.sql(of: tenant).delete(rows, of: tenant, on: &pipeline)
        }
    }

    private func writeTenants(_ tenants: [TenantRecord], _ pipeline: inout Pipeline) {
        guard !tenants.isEmpty else { return }
        pipeline.add(self.sql.updateTenants, tenants.columns)
    }

    private func writeTenants(
        decidedOn basis: [TenantSequence],
        token: Int64,
        _ pipeline: inout Pipeline
    ) {
        let sequences = Dictionary(
            basis.map { ($0.tenant, $0.sequence) },
            uniquingKeysWith: { first, _ in first }
        )
        // In the order in which all instances lock tenants.
        let tenants = self.batch.tenants.sorted { $0.id < $1.id }
        pipeline.add(
            self.sql.updateUnchanged,
            [.int8(self.instance), .int8(token)] + tenants.columns
                + [.int8s(tenants.map { sequences[$0.id] ?? -1 })]
        )
    }
}

extension [TenantRecord] {
    /// Six parameters: what a commit changes of each tenant's row.
    fileprivate var columns: [PostgresValue] {
        [
            .int8s(self.map(\.id.rawValue)), .int8s(self.map(\.revision)),
            .int8s(self.map(\.compactRevision)), .int8s(self.map(\.sequence)),
            .int8s(self.map(\.allocatedBytes)), .int8s(self.map(\.lastRow.rawValue)),
        ]
    }
}

extension CommitBatch {
    /// What of it is about one of its tenants, but for removals and the registry.
    func part(of tenant: TenantRecord) -> CommitBatch {
        var part = CommitBatch()
        part.tenants = [tenant]
        part.rows = self.rows.filter { $0.tenant == tenant.id }
        part.leases = self.leases.filter { change in
            switch change {
            case .grant(tenant.id, _), .revoke(tenant.id, _): true
            case .grant, .revoke: false
            }
        }
        part.alarms = self.alarms.filter { change in
            switch change {
            case .raise(tenant.id, _), .clear(tenant.id, _): true
            case .raise, .clear: false
            }
        }
        return part
    }
}
