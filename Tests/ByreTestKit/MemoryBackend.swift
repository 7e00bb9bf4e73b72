package import ByreCore
import Synchronization

/// A ``Backend`` that keeps its store in memory and checks all that it is given.
///
/// Any number of threads may use it. What it holds outlives ``close()``: see ``reopened()``.
package final class MemoryBackend: Backend {
    /// A store, as a file would hold it.
    private struct Contents {
        var tenants: [TenantID: StoredTenant] = [:]
        var leases: [TenantID: [LeaseID: Int64]] = [:]
        var alarms: [TenantID: Set<Alarm>] = [:]
        /// In row order.
        var rows: [CommitBatch.Row] = []
        var lastRow = RowID(rawValue: 0)
        var isClosed = false
        var commits = 0
        var maintenances = 0
        var defragmentations = 0

        /// Whether rows above the tenant's commit point may come and go: it holds nothing, and
        /// refuses every request.
        func isImporting(_ id: TenantID) -> Bool {
            guard let tenant = self.tenants[id] else { return false }
            return tenant.record.revision == 1 && tenant.definition.lifecycle != .active
        }

        /// Place of a row in `rows`, or where it would be.
        func place(of row: RowID) -> (place: Int, isThere: Bool) {
            var low = 0
            var high = self.rows.count
            while low < high {
                let middle = (low + high) / 2
                if self.rows[middle].version.row < row { low = middle + 1 } else { high = middle }
            }
            return (low, low < self.rows.count && self.rows[low].version.row == row)
        }
    }

    private let contents: Mutex<Contents>

    package let sqlReaders: (any SQLReaders)?

    package init(sqlReaders: (any SQLReaders)? = nil) {
        self.contents = Mutex(Contents())
        self.sqlReaders = sqlReaders
    }

    private init(_ contents: Contents) {
        self.contents = Mutex(contents)
        self.sqlReaders = nil
    }

    /// A backend on a copy of this one's store, as a start after a stop or a crash finds it.
    package func reopened() -> MemoryBackend {
        var copy = self.contents.withLock { $0 }
        copy.isClosed = false
        return MemoryBackend(copy)
    }

    /// Tenants that the store holds, by id, those included that are being erased.
    package var tenants: [TenantID: StoredTenant] { self.contents.withLock { $0.tenants } }

    /// Leases that the store holds, with their granted time.
    package func leases(of tenant: TenantID) -> [LeaseID: Int64] {
        self.contents.withLock { $0.leases[tenant] ?? [:] }
    }

    /// Rows that the store holds, in row order.
    package var rows: [CommitBatch.Row] { self.contents.withLock { $0.rows } }

    /// Commits that succeeded.
    package var commits: Int { self.contents.withLock { $0.commits } }

    /// Calls of ``maintain()``.
    package var maintenances: Int { self.contents.withLock { $0.maintenances } }

    /// Calls of ``defragment()``.
    package var defragmentations: Int { self.contents.withLock { $0.defragmentations } }

    package var isClosed: Bool { self.contents.withLock { $0.isClosed } }

    // MARK: Backend

    package func recover(into recovery: inout some Recovery) throws(BackendError) {
        let contents = self.contents.withLock { $0 }
        for id in contents.tenants.keys.sorted() {
            guard let tenant = contents.tenants[id] else { continue }
            recovery.tenant(tenant)
        }
        for tenant in contents.leases.keys.sorted() {
            for (id, ttl) in (contents.leases[tenant] ?? [:]).sorted(by: { $0.key < $1.key }) {
                recovery.lease(tenant, LeaseRecord(id: id, ttlSeconds: ttl))
            }
        }
        for tenant in contents.alarms.keys.sorted() {
            for alarm in (contents.alarms[tenant] ?? []).sorted() {
                recovery.alarm(tenant, alarm)
            }
        }
        // What an import left above the commit point is gone.
        let rows = contents.rows.filter { row in
            row.version.modRevision <= contents.tenants[row.tenant]?.record.revision ?? .max
        }
        self.contents.withLock { contents in
            contents.rows = rows
            contents.lastRow = rows.last?.version.row ?? RowID(rawValue: 0)
        }
        for row in rows { recovery.row(row.tenant, key: row.key, version: row.version) }
    }

    package func commit(_ batch: CommitBatch) throws(BackendError) {
        let fault: BackendError? = self.contents.withLock { contents in
            if let fault = Self.fault(of: batch, in: contents) { return .corrupt(fault) }
            Self.apply(batch, to: &contents)
            return nil
        }
        if let fault { throw fault }
    }

    package func makeReader() throws(BackendError) -> any BackendReader {
        if self.isClosed { throw .corrupt("a closed backend was asked for a reader") }
        return Reader(self)
    }

    package func maintain() throws(BackendError) -> Bool {
        self.contents.withLock { $0.maintenances += 1 }
        return false
    }

    package func defragment() throws(BackendError) {
        self.contents.withLock { $0.defragmentations += 1 }
    }

    package func chooseHome(
        for tenant: TenantDefinition
    ) throws(HomeRefusal) -> String { "home of \(tenant.name)" }

    package func close() {
        self.contents.withLock { $0.isClosed = true }
    }

    // MARK: Committing

    /// What a batch breaks of the promises that its writer makes; nil when it keeps them.
    private static func fault(of batch: CommitBatch, in contents: Contents) -> String? {
        if contents.isClosed { return "a closed backend was asked to commit" }
        var known = Set(contents.tenants.keys)
        if let fault = Self.registryFault(of: batch, in: contents) { return fault }
        for case .create(let record, _) in batch.registry { known.insert(record.id) }
        var revisions: [TenantID: Int64] = [:]
        for tenant in batch.tenants {
            if !known.contains(tenant.id) { return "tenant \(tenant.id.rawValue) is unknown" }
            if revisions.updateValue(tenant.revision, forKey: tenant.id) != nil {
                return "tenant \(tenant.id.rawValue) is in the batch twice"
            }
            if let old = contents.tenants[tenant.id]?.record, old.revision > tenant.revision {
                return "revision falls from \(old.revision) to \(tenant.revision)"
            }
        }
        var lastRow = contents.lastRow
        var main: [TenantID: Int64] = [:]
        for row in batch.rows {
            if row.version.row <= lastRow { return "row \(row.version.row.rawValue) is used" }
            lastRow = row.version.row
            guard let revision = revisions[row.tenant] else { return "a row's tenant is missing" }
            if row.value.count != Int(row.version.valueSize) { return "a value's size is wrong" }
            if contents.isImporting(row.tenant), revision == 1 { continue }
            let before = main[row.tenant] ?? contents.tenants[row.tenant]?.record.revision ?? 1
            let step = row.version.modRevision - before
            let mayStay = main[row.tenant] != nil
            if step != 1, !(step == 0 && mayStay) {
                return "revision \(row.version.modRevision) follows \(before)"
            }
            main[row.tenant] = row.version.modRevision
            if row.version.modRevision > revision { return "a row is beyond the commit point" }
        }
        for (tenant, revision) in revisions {
            let before = main[tenant] ?? contents.tenants[tenant]?.record.revision ?? revision
            let isImported = contents.isImporting(tenant) && !batch.registry.isEmpty
            if before != revision, !isImported { return "revision \(revision) has no rows" }
        }
        for removal in batch.removedRows {
            if revisions[removal.tenant] == nil { return "a removal's tenant is missing" }
            for (row, next) in zip(removal.rows, removal.rows.dropFirst()) where row >= next {
                return "removed rows do not ascend"
            }
            for row in removal.rows {
                let (place, isThere) = contents.place(of: row)
                if !isThere { return "row \(row.rawValue) is removed twice" }
                if contents.rows[place].tenant != removal.tenant {
                    return "row \(row.rawValue) is another tenant's"
                }
            }
        }
        return nil
    }

    /// What the changes of the registry break, checked one after the other.
    private static func registryFault(of batch: CommitBatch, in contents: Contents) -> String? {
        var contents = contents
        for change in batch.registry {
            let id = change.tenant
            let present = contents.tenants[id]
            switch change {
            case .create(_, let definition):
                if present != nil { return "tenant \(id.rawValue) is created twice" }
                if let fault = Self.conflict(of: definition, with: contents.tenants.values) {
                    return fault
                }
            case .define(_, let definition):
                guard let present else { return "tenant \(id.rawValue) is unknown" }
                if present.isErasing { return "a tenant that is being erased is defined" }
                let kept = (present.definition.uid, present.definition.prefix)
                if kept != (definition.uid, definition.prefix) {
                    return "what is given once changes"
                }
                let others = contents.tenants.filter { $0.key != id }.values
                if let fault = Self.conflict(of: definition, with: others) { return fault }
            case .beginErasing:
                guard let present else { return "tenant \(id.rawValue) is unknown" }
                if present.isErasing { return "an erasing begins twice" }
            case .eraseRows where contents.isImporting(id): break
            case .eraseRows, .eraseLeases:
                if present?.isErasing != true { return "rows go before the erasing has begun" }
            case .erase:
                if present?.isErasing != true { return "a tenant goes that is not being erased" }
                if contents.rows.contains(where: { $0.tenant == id }) {
                    return "a tenant goes before its rows"
                }
            }
            Self.apply(change, to: &contents)
        }
        return nil
    }

    /// What two tenants may not share.
    private static func conflict(
        of definition: TenantDefinition,
        with others: some Sequence<StoredTenant>
    ) -> String? {
        for other in others.map(\.definition) {
            if other.name == definition.name { return "two tenants are named \(other.name)" }
            if other.uid == definition.uid { return "two tenants have a uid" }
            if other.prefix == definition.prefix { return "two tenants have a prefix" }
            if !other.identities.isDisjoint(with: definition.identities) {
                return "two tenants have an identity"
            }
        }
        return nil
    }

    private static func apply(_ change: RegistryChange, to contents: inout Contents) {
        switch change {
        case .create(let record, let definition):
            contents.tenants[record.id] = StoredTenant(record, definition)
        case .define(let id, let definition):
            contents.tenants[id]?.definition = definition
        case .beginErasing(let id):
            contents.tenants[id]?.isErasing = true
            contents.tenants[id]?.definition.identities = []
        case .eraseRows(let id, let rows):
            contents.rows.removeAll { $0.tenant == id && rows.contains($0.version.row) }
        case .eraseLeases(let id, let countMax):
            for lease in (contents.leases[id] ?? [:]).keys.sorted().prefix(countMax) {
                contents.leases[id]?[lease] = nil
            }
        case .erase(let id):
            contents.tenants[id] = nil
            contents.leases[id] = nil
            contents.alarms[id] = nil
        }
    }

    private static func apply(_ batch: CommitBatch, to contents: inout Contents) {
        contents.commits += 1
        for change in batch.registry { Self.apply(change, to: &contents) }
        for tenant in batch.tenants { contents.tenants[tenant.id]?.record = tenant }
        for change in batch.leases {
            switch change {
            case .grant(let tenant, let lease):
                contents.leases[tenant, default: [:]][lease.id] = lease.ttlSeconds
            case .revoke(let tenant, let id):
                contents.leases[tenant, default: [:]][id] = nil
            }
        }
        for change in batch.alarms {
            switch change {
            case .raise(let tenant, let alarm):
                contents.alarms[tenant, default: []].insert(alarm)
            case .clear(let tenant, let alarm):
                contents.alarms[tenant, default: []].remove(alarm)
            }
        }
        if !batch.removedRows.isEmpty {
            let removed = Set(batch.removedRows.flatMap(\.rows))
            contents.rows.removeAll { removed.contains($0.version.row) }
        }
        contents.rows += batch.rows
        contents.lastRow = batch.rows.last?.version.row ?? contents.lastRow
    }

    // MARK: Reading

    private func value(of tenant: TenantID, row: RowID) -> Bytes? {
        self.contents.withLock { contents in
            let (place, isThere) = contents.place(of: row)
            guard isThere, contents.rows[place].tenant == tenant else { return nil }
            return contents.rows[place].value
        }
    }

    private final class Reader: BackendReader {
        private let backend: MemoryBackend

        init(_ backend: MemoryBackend) {
            self.backend = backend
        }

        func values(
            of tenant: TenantID,
            rows: [RowID],
            _ body: (_ index: Int, _ value: Bytes) -> Void
        ) throws(BackendError) {
            for (index, row) in rows.enumerated() {
                guard let value = self.backend.value(of: tenant, row: row) else {
                    throw .corrupt("row \(row.rawValue) is missing")
                }
                body(index, value)
            }
        }

        func scan(
            _ tenant: TenantID,
            in span: RowSpan,
            _ body: (_ key: Bytes, _ version: Version, _ value: Bytes) -> Bool
        ) throws(BackendError) {
            for row in self.backend.rows where row.tenant == tenant {
                guard !span.isEmpty, (span.first...span.last).contains(row.version.row) else {
                    continue
                }
                guard body(row.key, row.version, row.value) else { return }
            }
        }
    }
}
