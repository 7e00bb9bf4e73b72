import ByreCore
import SQLite

/// When rows were committed, to the second: a row of `commit_time` for each second in which there
/// were commits.
///
/// It names the first row of its second, and dates all rows from there to that of the next. It goes
/// when its last row does, except that the newest stays. Rows from before schema version 4 have no
/// time.
///
/// Belongs to the writer thread.
final class CommitTimes {
    /// Rows of `kv` are counted over all tenants in the order of commits, so one list dates them all.
    static let migration = """
        CREATE TABLE commit_time (
            row               INTEGER PRIMARY KEY,
            at                INTEGER NOT NULL CHECK (at > 0)
        ) STRICT;

        ALTER TABLE lease ADD COLUMN granted_at INTEGER CHECK (granted_at > 0);
        """

    /// The time of a row of `kv`, as people write it, for a view.
    static let changedAt = """
        strftime('%Y-%m-%dT%H:%M:%SZ', (SELECT at FROM commit_time
            WHERE commit_time.row <= kv.row ORDER BY commit_time.row DESC LIMIT 1), 'unixepoch')
        """

    private let insert: Statement
    private let deleteFrom: Statement
    private let span: Statement
    private let deleteEmpty: Statement
    private let deleteEmptyWithin: Statement
    /// The second of the newest entry, if this process wrote it.
    private var newest: Int64?

    init(_ connection: Connection) throws(SQLiteError) {
        func statement(_ sql: String) throws(SQLiteError) -> Statement {
            try Statement(sql, on: connection)
        }
        self.insert = try statement("INSERT INTO commit_time (row, at) VALUES (?1, ?2)")
        self.deleteFrom = try statement("DELETE FROM commit_time WHERE row >= ?1")
        self.span = try statement(
            """
            SELECT (SELECT max(row) FROM commit_time WHERE row <= ?1),
                (SELECT min(row) FROM commit_time WHERE row > ?1)
            """
        )
        self.deleteEmpty = try statement(
            """
            DELETE FROM commit_time WHERE row = ?1
                AND NOT EXISTS (SELECT 1 FROM kv WHERE row >= ?1 AND row < ?2)
            """
        )
        self.deleteEmptyWithin = try statement(
            """
            DELETE FROM commit_time
            WHERE row BETWEEN
                    coalesce((SELECT max(row) FROM commit_time WHERE row <= ?1), ?1) AND ?2
                AND row < (SELECT max(row) FROM commit_time)
                AND NOT EXISTS (
                    SELECT 1 FROM kv WHERE kv.row >= commit_time.row AND kv.row < (
                        SELECT min(after.row) FROM commit_time AS after
                        WHERE after.row > commit_time.row))
            """
        )
    }

    /// Notes that rows from `first` on are committed at `seconds` since 1970; 0 for not known.
    /// - Complexity: O(1) within a second, else O(log entries).
    func note(_ first: RowID, at seconds: Int64) throws(SQLiteError) {
        guard seconds > 0, seconds != self.newest else { return }
        // After a start, numbers may be given anew whose rows are gone.
        try self.deleteFrom.bind(first.rawValue, at: 1)
        try self.deleteFrom.run()
        try self.insert.bind(first.rawValue, at: 1)
        try self.insert.bind(seconds, at: 2)
        try self.insert.run()
        self.newest = seconds
    }

    /// Forgets what was noted in a transaction that is taken back.
    func rolledBack() {
        self.newest = nil
    }

    /// Removes the entries that had no rows but `rows`, ascending, which were deleted.
    /// - Complexity: O(log rows) for each entry concerned.
    func forget(_ rows: [RowID]) throws(SQLiteError) {
        var next = Int64.min
        for row in rows where row.rawValue >= next {
            guard let span = try self.span(of: row) else { return }
            next = span.end
            guard let start = span.start else { continue }
            try self.deleteEmpty.bind(start, at: 1)
            try self.deleteEmpty.bind(span.end, at: 2)
            try self.deleteEmpty.run()
        }
    }

    /// Removes the entries that had no rows but those within `rows`, which were deleted.
    /// - Complexity: O(entries within log rows), and each of them had a row that was deleted.
    func forget(_ rows: ClosedRange<RowID>) throws(SQLiteError) {
        try self.deleteEmptyWithin.bind(rows.lowerBound.rawValue, at: 1)
        try self.deleteEmptyWithin.bind(rows.upperBound.rawValue, at: 2)
        try self.deleteEmptyWithin.run()
    }

    /// Where the entry of a row begins, if it has one, and where the next does; nil for the newest.
    private func span(of row: RowID) throws(SQLiteError) -> (start: Int64?, end: Int64)? {
        try self.span.bind(row.rawValue, at: 1)
        defer { self.span.reset() }
        guard try self.span.step(), let end = self.span.integerOrNil(1) else { return nil }
        return (self.span.integerOrNil(0), end)
    }
}
