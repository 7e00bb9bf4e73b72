package import ByreCore
import Synchronization

/// A backend all of whose tenants are dedicated ones, though who uses it does not know.
package final class DedicatingBackend: Backend {
    private let base: any Backend
    private let chooseName: @Sendable (TenantDefinition) -> String
    /// Where the tenants are that there are.
    private let homes = Mutex<[TenantID: String]>([:])

    /// - Parameter home: what the backend calls the home of a tenant.
    package init(_ base: any Backend, home: @escaping @Sendable (TenantDefinition) -> String) {
        self.base = base
        self.chooseName = home
    }

    package var rowNumbering: RowNumbering { self.base.rowNumbering }

    package func recover(into recovery: inout some Recovery) throws(BackendError) {
        var all = Undedicating(base: recovery)
        defer {
            recovery = all.base
            let homes = all.homes
            self.homes.withLock { $0 = homes }
        }
        try self.base.recover(into: &all)
    }

    package func commit(_ batch: CommitBatch) throws(BackendError) {
        var dedicated = batch
        dedicated.registry = batch.registry.map { change in
            switch change {
            case .create(let record, var definition):
                let home = self.chooseName(definition)
                self.homes.withLock { $0[record.id] = home }
                definition.isolation = .dedicated
                definition.home = home
                return .create(record, definition)
            case .define(let id, var definition):
                definition.isolation = .dedicated
                definition.home = self.homes.withLock { $0[id] }
                return .define(id, definition)
            case .beginErasing, .eraseRows, .eraseLeases, .erase: return change
            }
        }
        try self.base.commit(dedicated)
    }

    package func chooseHome(
        for tenant: TenantDefinition
    ) throws(HomeRefusal) -> String { try self.base.chooseHome(for: tenant) }

    package func settle(isIdle: Bool) throws(BackendError) -> Bool {
        try self.base.settle(isIdle: isIdle)
    }

    package func makeReader() throws(BackendError) -> any BackendReader {
        try self.base.makeReader()
    }

    package func maintain() throws(BackendError) -> Bool { try self.base.maintain() }

    package func defragment() throws(BackendError) { try self.base.defragment() }

    package func close() { self.base.close() }
}

/// Makes dedicated tenants shared ones again.
private struct Undedicating<Base: Recovery>: Recovery {
    var base: Base
    private(set) var homes: [TenantID: String] = [:]

    init(base: Base) {
        self.base = base
    }

    mutating func tenant(_ tenant: StoredTenant) {
        self.homes[tenant.record.id] = tenant.definition.home
        var shared = tenant
        shared.definition.isolation = .shared
        shared.definition.home = nil
        self.base.tenant(shared)
    }

    mutating func lease(_ tenant: TenantID, _ lease: LeaseRecord) {
        self.base.lease(tenant, lease)
    }

    mutating func alarm(_ tenant: TenantID, _ alarm: Alarm) { self.base.alarm(tenant, alarm) }

    mutating func row(_ tenant: TenantID, key: Bytes, version: Version) {
        self.base.row(tenant, key: key, version: version)
    }
}
