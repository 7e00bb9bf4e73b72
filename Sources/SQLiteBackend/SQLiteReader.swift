package import ByreCore
import SQLite

/// Reads values on a connection of its own, and those that SQLite has not yet from memory.
///
/// Belongs to one thread.
package final class SQLiteReader: BackendReader {
    private let unsettled: Unsettled
    private let connection: Connection
    private let begin: Statement
    private let end: Statement
    private let one: Statement
    private let run: Statement
    private let rowsWithin: Statement

    /// Rows that are passed over to reach the next wanted one rather than seek it from the root: a
    /// step along the leaves costs a fraction of a seek.
    private static let rowsPassedOverMax: Int64 = 4

    init(path: String, limits: SQLiteLimits, unsettled: Unsettled) throws(SQLiteError) {
        self.unsettled = unsettled
        self.connection = try Connection(path: path, access: .readOnly)
        try self.connection.setBusyTimeout(milliseconds: limits.busyMilliseconds)
        try self.connection.setCache(bytes: limits.readerCacheBytes)
        self.begin = try Statement("BEGIN", on: self.connection)
        self.end = try Statement("COMMIT", on: self.connection)
        self.one = try Statement(
            "SELECT value FROM kv WHERE row = ?1 AND tenant = ?2",
            on: self.connection
        )
        self.run = try Statement(
            "SELECT row, value FROM kv WHERE row BETWEEN ?1 AND ?3 AND tenant = ?2 ORDER BY row",
            on: self.connection
        )
        self.rowsWithin = try Statement(
            """
            SELECT row, tenant, mod_revision, sub, create_revision, version, lease, key,
                length(value), value
            FROM kv WHERE row BETWEEN ?1 AND ?3 AND tenant = ?2 ORDER BY row
            """,
            on: self.connection
        )
    }

    /// - Complexity: O(`rows.count` × log(pages)), less where rows are close to one another.
    package func values(
        of tenant: TenantID,
        rows: [RowID],
        _ body: (_ index: Int, _ value: Bytes) -> Void
    ) throws(BackendError) {
        // Taken before SQLite is asked: what is settled meanwhile is found in both.
        let unsettled = self.unsettled.batches
        let first = unsettled.firstRow ?? RowID(rawValue: .max)
        let isSettled = rows.last.map { $0 < first } ?? true
        let settled = isSettled ? rows : Array(rows.prefix { $0 < first })
        do throws(SQLiteError) {
            try self.settledValues(of: tenant, settled, body)
            for index in settled.count..<rows.count {
                guard let row = unsettled.row(rows[index], of: tenant) else {
                    throw Self.missing(tenant, rows[index])
                }
                body(index, row.value)
            }
        } catch {
            throw BackendError(error)
        }
    }

    private func settledValues(
        of tenant: TenantID,
        _ rows: [RowID],
        _ body: (_ index: Int, _ value: Bytes) -> Void
    ) throws(SQLiteError) {
        if rows.count <= 1 {
            if let row = rows.first { try self.value(of: tenant, row, 0, body) }
            return
        }
        // One snapshot for all, which is one lock instead of one for each.
        try self.begin.run()
        defer { try? self.end.run() }
        var start = 0
        while start < rows.count {
            var next = start + 1
            while next < rows.count,
                rows[next].rawValue - rows[next - 1].rawValue <= Self.rowsPassedOverMax + 1
            {
                next += 1
            }
            if next == start + 1 {
                try self.value(of: tenant, rows[start], start, body)
            } else {
                try self.values(of: tenant, rows, start..<next, body)
            }
            start = next
        }
    }

    private func value(
        of tenant: TenantID,
        _ row: RowID,
        _ index: Int,
        _ body: (_ index: Int, _ value: Bytes) -> Void
    ) throws(SQLiteError) {
        try self.one.bind(row.rawValue, at: 1)
        try self.one.bind(tenant.rawValue, at: 2)
        defer { self.one.reset() }
        guard try self.one.step() else { throw Self.missing(tenant, row) }
        body(index, self.one.blob(0))
    }

    /// Reads rows that are close to one another in one walk along the leaves.
    private func values(
        of tenant: TenantID,
        _ rows: [RowID],
        _ indices: Range<Int>,
        _ body: (_ index: Int, _ value: Bytes) -> Void
    ) throws(SQLiteError) {
        try self.run.bind(rows[indices.lowerBound].rawValue, at: 1)
        try self.run.bind(tenant.rawValue, at: 2)
        try self.run.bind(rows[indices.upperBound - 1].rawValue, at: 3)
        defer { self.run.reset() }
        var index = indices.lowerBound
        while try self.run.step() {
            let row = self.run.integer(0)
            guard row >= rows[index].rawValue else { continue }
            guard row == rows[index].rawValue else { break }
            body(index, self.run.blob(1))
            index += 1
        }
        guard index == indices.upperBound else { throw Self.missing(tenant, rows[index]) }
    }

    /// A row of another tenant in between is passed over without reading its value: a table in commit
    /// order has no shorter way.
    /// - Complexity: O(bytes of the tenant's rows in `span`), and a step for each other row in it.
    package func scan(
        _ tenant: TenantID,
        in span: RowSpan,
        _ body: (_ key: Bytes, _ version: Version, _ value: Bytes) -> Bool
    ) throws(BackendError) {
        // Taken before SQLite is asked: what is settled meanwhile is found in both, and told once.
        let unsettled = self.unsettled.batches
        var next = span.first
        do throws(SQLiteError) {
            try self.rowsWithin.bind(span.first.rawValue, at: 1)
            try self.rowsWithin.bind(tenant.rawValue, at: 2)
            try self.rowsWithin.bind(span.last.rawValue, at: 3)
            defer { self.rowsWithin.reset() }
            while try self.rowsWithin.step() {
                let version = self.rowsWithin.version()
                next = RowID(rawValue: version.row.rawValue + 1)
                guard body(self.rowsWithin.blob(7), version, self.rowsWithin.blob(9)) else {
                    return
                }
            }
            for numbered in unsettled {
                for row in numbered.batch.rows
                where row.tenant == tenant && row.version.row >= next
                    && row.version.row <= span.last
                {
                    guard body(row.key, row.version, row.value) else { return }
                }
            }
        } catch {
            throw BackendError(error)
        }
    }

    private static func missing(_ tenant: TenantID, _ row: RowID) -> SQLiteError {
        .contradiction("row \(row.rawValue) of tenant \(tenant.rawValue) is missing")
    }
}
