import ByreCore
import Postgres

/// Reads what others committed since some cursors: rows and changes of all the tenants with one
/// statement each, in slices.
struct NewsReading {
    private let cursors: [TenantID: TenantCursor]
    private let sql: StoreStatements
    /// Those of the tenants that have a schema of their own, in order: a statement for each.
    private let housed: [(cursor: TenantCursor, sql: StoreStatements)]
    /// Most rows, and bytes of values, that each statement brings.
    private let rowsMax: Int
    private let bytesMax: Int

    init(
        _ cursors: [TenantCursor],
        _ limits: PostgresLimits,
        _ sql: StoreStatements,
        _ homes: Homes
    ) {
        self.cursors = Dictionary(
            cursors.map { ($0.tenant, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        self.sql = sql
        self.housed =
            homes.isEmpty
            ? []
            : cursors.filter { homes.schema(of: $0.tenant) != nil }
                .sorted { $0.tenant < $1.tenant }
                .map { ($0, homes.sql(of: $0.tenant)) }
        self.rowsMax = max(limits.newsRowsMax / (1 + self.housed.count), Self.rowsMin)
        self.bytesMax = max(limits.newsBytesMax / (1 + self.housed.count), Self.bytesMin)
    }

    /// What a statement may bring however many there are.
    private static let rowsMin = 16
    private static let bytesMin = 64 << 10

    /// Adds the statements, which are to see the tenants as they are locked, or in one snapshot.
    func add(to pipeline: inout Pipeline) {
        guard !self.cursors.isEmpty else { return }
        let cursors = self.cursors.values.sorted { $0.tenant < $1.tenant }
        let housed = Set(self.housed.map(\.cursor.tenant))
        self.addRows(
            since: housed.isEmpty ? cursors : cursors.filter { !housed.contains($0.tenant) },
            self.sql,
            to: &pipeline
        )
        pipeline.add(
            self.sql.newChanges,
            [
                .int8s(cursors.map(\.tenant.rawValue)), .int8s(cursors.map(\.sequence)),
                .int8s(cursors.map(\.changeSequence)),
            ]
        )
        for (cursor, sql) in self.housed { self.addRows(since: [cursor], sql, to: &pipeline) }
    }

    private func addRows(
        since cursors: [TenantCursor],
        _ sql: StoreStatements,
        to pipeline: inout Pipeline
    ) {
        pipeline.add(
            sql.newRows,
            [
                .int8s(cursors.map(\.tenant.rawValue)), .int8s(cursors.map(\.sequence)),
                .int8s(cursors.map(\.lastRow.rawValue)),
                // One more tells that there are more.
                .int8(Int64(self.rowsMax + 1)), .int8(Int64(self.bytesMax)),
            ]
        )
    }

    /// Makes news of what the statements answered.
    /// - Parameters:
    ///   - tenants: the tenants' rows, as the statements saw them.
    ///   - connection: for what takes more questions, in the same transaction.
    func news(
        of tenants: [TenantID: LockedTenant],
        _ results: [PostgresResult],
        _ connection: PostgresConnection
    ) throws(PostgresError) -> [TenantNews] {
        let changed = tenants.values.filter { tenant in
            self.cursors[tenant.record.id].map { $0.sequence < tenant.record.sequence } ?? false
        }.sorted { $0.record.id < $1.record.id }
        guard !changed.isEmpty, results.count == 2 + self.housed.count else { return [] }
        let shared = try self.slice(results[0], self.sql, connection)
        var slices: [TenantID: Slice] = [:]
        for (place, (cursor, sql)) in self.housed.enumerated() {
            slices[cursor.tenant] = try self.slice(results[2 + place], sql, connection)
        }
        var changes = Changes(results[1])
        var news: [TenantNews] = []
        for tenant in changed {
            guard let cursor = self.cursors[tenant.record.id] else { continue }
            let slice = slices[tenant.record.id] ?? shared
            var each = slice.news(of: tenant.record, since: cursor)
            if cursor.changeSequence < tenant.changesSince {
                each.changesAreWhole = true
                changes.replace(
                    of: tenant.record.id,
                    leases: try connection.query(
                        self.sql.tenantLeases,
                        [.int8(tenant.record.id.rawValue)]
                    ),
                    alarms: try connection.query(
                        self.sql.tenantAlarms,
                        [.int8(tenant.record.id.rawValue)]
                    )
                )
            }
            each.leases = changes.leases[tenant.record.id] ?? []
            each.alarms = changes.alarms[tenant.record.id] ?? []
            news.append(each)
        }
        return news
    }

    private func slice(
        _ result: PostgresResult,
        _ sql: StoreStatements,
        _ connection: PostgresConnection
    ) throws(PostgresError) -> Slice {
        var slice = Slice(result, countMax: self.rowsMax)
        if let end = slice.end, slice.isEmpty {
            // One revision is more than a slice, and is told whole.
            let rows = try connection.query(
                sql.revisionRows,
                [
                    .int8(end.tenant.rawValue),
                    .int8(self.cursors[end.tenant]?.lastRow.rawValue ?? 0), .int8(end.revision),
                ]
            )
            slice.rows[end.tenant] = rows.map(CommitBatch.Row.init)
        }
        return slice
    }

    /// Rows of the tenants, in order, up to a revision of one tenant that is not whole.
    private struct Slice {
        var rows: [TenantID: [CommitBatch.Row]] = [:]
        /// The first revision that is not in the slice.
        private(set) var end: (tenant: TenantID, revision: Int64)?

        var isEmpty: Bool { self.rows.allSatisfy { $0.value.isEmpty } }

        /// - Parameter result: the columns of a version, and a value, which is NULL beyond the
        ///   slice's bytes.
        init(_ result: PostgresResult, countMax: Int) {
            for (place, row) in result.enumerated() {
                guard place < countMax, !row.isNull(9) else {
                    self.end = (TenantID(rawValue: row.int64(1)), row.int64(2))
                    break
                }
                self.rows[TenantID(rawValue: row.int64(1)), default: []].append(
                    CommitBatch.Row(row)
                )
            }
            if let end {
                // What is here of that revision comes with the rest of it.
                let rest = self.rows[end.tenant] ?? []
                self.rows[end.tenant] = rest.filter { $0.version.modRevision < end.revision }
            }
        }

        func news(of record: TenantRecord, since cursor: TenantCursor) -> TenantNews {
            var news = TenantNews(record: record, changeSequence: record.sequence)
            news.rows = self.rows[record.id] ?? []
            if let end, record.id >= end.tenant {
                news.isComplete = false
                let last = news.rows.last?.version
                news.record.revision = last?.modRevision ?? cursor.revision
                news.record.lastRow = last?.row ?? cursor.lastRow
                news.record.sequence = cursor.sequence
            }
            return news
        }
    }

    /// Changes of leases and alarms, by tenant, in order.
    private struct Changes {
        private(set) var leases: [TenantID: [CommitBatch.LeaseChange]] = [:]
        private(set) var alarms: [TenantID: [CommitBatch.AlarmChange]] = [:]

        /// - Parameter result: tenant, kind, subject, ttl_seconds, alarm.
        init(_ result: PostgresResult) {
            for row in result {
                let tenant = TenantID(rawValue: row.int64(0))
                // The constraints allow no other kinds.
                guard let kind = StoredChange.Kind(rawValue: row.text(1)) else { continue }
                let lease = LeaseID(rawValue: row.int64(2))
                switch kind {
                case .grant:
                    self.grant(tenant, LeaseRecord(id: lease, ttlSeconds: row.int64(3)))
                case .revoke: self.leases[tenant, default: []].append(.revoke(tenant, lease))
                case .raise: self.raise(tenant, Alarm(name: row.text(4), memberID: row.int64(2)))
                case .clear:
                    self.alarms[tenant, default: []].append(
                        .clear(tenant, Alarm(name: row.text(4), memberID: row.int64(2)))
                    )
                }
            }
        }

        private mutating func grant(_ tenant: TenantID, _ lease: LeaseRecord) {
            self.leases[tenant, default: []].append(.grant(tenant, lease))
        }

        private mutating func raise(_ tenant: TenantID, _ alarm: Alarm) {
            self.alarms[tenant, default: []].append(.raise(tenant, alarm))
        }

        /// Takes what there is for what happened.
        mutating func replace(
            of tenant: TenantID,
            leases: PostgresResult,
            alarms: PostgresResult
        ) {
            self.leases[tenant] = []
            self.alarms[tenant] = []
            for row in leases {
                let id = LeaseID(rawValue: row.int64(0))
                self.grant(tenant, LeaseRecord(id: id, ttlSeconds: row.int64(1)))
            }
            for row in alarms {
                self.raise(tenant, Alarm(name: row.text(1), memberID: row.int64(0)))
            }
        }
    }
}

extension CommitBatch.Row {
    /// - Parameter row: the columns of a version and, as the tenth, the value.
    init(_ row: PostgresRow) {
        self.init(
            tenant: TenantID(rawValue: row.int64(1)),
            key: row.bytes(7),
            version: row.version(),
            value: row.bytes(9)
        )
    }
}
