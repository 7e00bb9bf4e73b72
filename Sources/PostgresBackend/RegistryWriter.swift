import ByreCore
import Postgres

/// Writes changes of the registry: tenants with their definitions, and their identities.
///
/// What is written of a tenant with a home is written there too.
struct RegistryWriter {
    let sql: StoreStatements
    let homes: Homes
    /// Tenants that are erased with their schemas.
    let dropping: [TenantID: String]

    func write(_ changes: [RegistryChange], to pipeline: inout Pipeline) {
        guard !changes.isEmpty else { return }
        // First, so that tenants are marked with the new version.
        pipeline.add(self.sql.raiseRegistryVersion)
        for change in changes { self.write(change, to: &pipeline) }
    }

    private func write(_ change: RegistryChange, to pipeline: inout Pipeline) {
        let id = PostgresValue.int8(change.tenant.rawValue)
        switch change {
        case .create(let record, let definition):
            self.create(record, definition, &pipeline)
            if let home = definition.home {
                self.copy(in: home).create(record, definition.atHome, &pipeline)
            }
        case .define(let tenant, let definition):
            if definition.lifecycle == .active { pipeline.add(self.sql.restartLeases, [id]) }
            self.define(tenant, definition, &pipeline)
            if let home = definition.home {
                self.copy(in: home).define(tenant, definition.atHome, &pipeline)
            }
        case .beginErasing:
            pipeline.add(self.sql.beginErasing, [id])
            pipeline.add(self.sql.deleteIdentities, [id])
        case .eraseRows(_, let rows):
            let bounds: [PostgresValue] = [
                id, .int8(rows.lowerBound.rawValue), .int8(rows.upperBound.rawValue),
            ]
            let sql = self.homes.sql(of: change.tenant)
            pipeline.add(sql.eraseRows, bounds)
            pipeline.add(sql.forgetTimesWithin, bounds)
        case .eraseLeases(_, let countMax):
            pipeline.add(self.sql.eraseLeases, [id, .int8(Int64(countMax))])
        case .erase:
            for statement in self.sql.erase { pipeline.add(statement, [id]) }
            guard let home = self.dropping[change.tenant] else { break }
            for statement in Home.drop(home) { pipeline.add(statement) }
        }
    }

    /// Writes to a home as to a store.
    private func copy(in home: String) -> RegistryWriter {
        RegistryWriter(sql: StoreStatements(schema: home), homes: self.homes, dropping: [:])
    }

    private func create(
        _ record: TenantRecord,
        _ definition: TenantDefinition,
        _ pipeline: inout Pipeline
    ) {
        pipeline.add(
            self.sql.createTenant,
            [
                .int8(record.id.rawValue), .int8(record.revision), .int8(record.compactRevision),
                .int8(record.sequence), .int8(record.lastRow.rawValue),
                .int8(record.allocatedBytes), .int8(Int64(bitPattern: record.clusterID)),
                .int8(Int64(bitPattern: record.memberID)), .text(definition.name),
                .text(definition.uid), .bytes(definition.prefix), .int8(definition.createdAt),
                .text(definition.isolation.rawValue),
                definition.home.map(PostgresValue.text) ?? .null,
            ]
        )
        pipeline.add(self.sql.raiseNextTenant, [.int8(record.id.rawValue + 1)])
        self.define(record.id, definition, &pipeline)
    }

    private func define(
        _ id: TenantID,
        _ definition: TenantDefinition,
        _ pipeline: inout Pipeline
    ) {
        let limits = definition.limits
        pipeline.add(
            self.sql.defineTenant,
            [
                .int8(id.rawValue), .text(definition.name), .text(definition.lifecycle.rawValue),
                Self.orNull(definition.reclaimAt), .int8(definition.generation),
                Self.orNull(limits.bytes), .text(limits.spaceMode.rawValue),
            ] + definition.storedNumbers.map(Self.orNull) + [.bool(definition.wasSuspended)]
        )
        pipeline.add(self.sql.deleteOwner, [.int8(id.rawValue)])
        if let ownership = definition.ownership {
            pipeline.add(
                self.sql.insertOwner,
                [
                    .int8(id.rawValue), .text(ownership.owner), .text(ownership.source),
                    .text(ownership.deletionPolicy.rawValue), .int8(ownership.deletionGraceSeconds),
                ]
            )
        }
        pipeline.add(self.sql.deleteIdentities, [.int8(id.rawValue)])
        let identities = definition.identities.sorted()
        guard !identities.isEmpty else { return }
        pipeline.add(
            self.sql.insertIdentities,
            [
                .int8(id.rawValue), .texts(identities.map(\.kind.rawValue)),
                .texts(identities.map(\.value)),
            ]
        )
    }

    private static func orNull(_ number: Int64?) -> PostgresValue {
        number.map(PostgresValue.int8) ?? .null
    }
}
