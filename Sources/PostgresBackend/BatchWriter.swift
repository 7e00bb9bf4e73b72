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

    func write(to pipeline: inout Pipeline) {
        RegistryWriter(sql: self.sql).write(self.batch.registry, to: &pipeline)
        self.writeImports(&pipeline)
        self.writeRows(&pipeline)
        self.writeLeases(&pipeline)
        self.writeAlarms(&pipeline)
        self.writeChanges(&pipeline)
        self.removeRows(&pipeline)
        self.writeTenants(&pipeline)
    }

    /// Has an import begin, go on or end. What another one left above the commit point goes first.
    private func writeImports(_ pipeline: inout Pipeline) {
        for id in self.batch.importingTenants.sorted() {
            if self.tenants[id]?.importer != self.instance {
                self.sql.deleteRowsAbove(id, on: &pipeline)
            }
            pipeline.add(self.sql.beginImport, [.int8(id.rawValue), .int8(self.instance)])
        }
        for change in self.batch.registry {
            guard let importer = self.tenants[change.tenant]?.importer else { continue }
            let id = PostgresValue.int8(change.tenant.rawValue)
            switch change {
            case .define(_, let definition) where definition.lifecycle == .active:
                if importer != self.instance {
                    self.sql.deleteRowsAbove(change.tenant, on: &pipeline)
                }
                pipeline.add(self.sql.endImport, [id])
            case .eraseRows:
                // It has failed, or nobody goes on with it.
                pipeline.add(self.sql.giveUpImport, [id, .int8(self.instance)])
            case .create, .define, .beginErasing, .eraseLeases, .erase: break
            }
        }
    }

    private func writeRows(_ pipeline: inout Pipeline) {
        let rows = self.batch.rows
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
        guard !self.undated.isEmpty else { return }
        pipeline.add(
            self.sql.noteTimes,
            [
                .int8s(self.undated.map(\.tenant.rawValue)),
                .int8s(self.undated.map(\.row.rawValue)),
            ]
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
            self.sql.delete(rows, of: tenant, on: &pipeline)
        }
    }

    private func writeTenants(_ pipeline: inout Pipeline) {
        let tenants = self.batch.tenants
        guard !tenants.isEmpty else { return }
        pipeline.add(
            self.sql.updateTenants,
            [
                .int8s(tenants.map(\.id.rawValue)), .int8s(tenants.map(\.revision)),
                .int8s(tenants.map(\.compactRevision)), .int8s(tenants.map(\.sequence)),
                .int8s(tenants.map(\.allocatedBytes)),
                .int8s(tenants.map(\.lastRow.rawValue)),
            ]
        )
    }
}
