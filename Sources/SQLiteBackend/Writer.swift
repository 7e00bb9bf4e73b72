import ByreCore
import SQLite

/// The one connection that writes, with its statements.
///
/// Belongs to the writer thread.
final class Writer {
    let connection: Connection
    let limits: SQLiteLimits

    let begin: Statement
    let commit: Statement
    let rollback: Statement
    let insertRow: Statement
    let insertRows: Statement
    let deleteRow: Statement
    let deleteRows: Statement
    let insertLease: Statement
    let deleteLease: Statement
    let insertAlarm: Statement
    let deleteAlarm: Statement
    let updateTenant: Statement
    let rowExists: Statement
    let tenantPoint: Statement
    let registry: RegistryWriter
    let times: CommitTimes
    let setJournal: Statement
    let journalRecord: Statement

    var log: Log
    /// Why the last transaction that failed did: a failed sync puts the whole log in doubt.
    var commitFailure: SQLiteError?
    /// Whether a commit failed that a crash could still bring to life.
    var isInDoubt = false
    /// Whether rows were removed since free pages were last counted.
    var mayHaveFreePages = true

    /// Rows that one statement inserts, where there are as many: each then costs a seventh less. More gain
    /// next to nothing.
    static let rowsAtOnce = 8

    /// SQL that inserts rows, with nine parameters for each.
    ///
    /// "OR FAIL" has SQLite keep no copies of pages to undo the statement alone with: when it fails, all of
    /// the transaction is undone.
    private static func insertion(of count: Int) -> String {
        """
        INSERT OR FAIL INTO kv (row, tenant, mod_revision, sub, create_revision, version, lease,
            key, value)
        VALUES \(repeatElement("(?, ?, ?, ?, ?, ?, ?, ?, ?)", count: count).joined(separator: ", "))
        """
    }

    init(_ connection: Connection, _ limits: SQLiteLimits) throws(SQLiteError) {
        self.connection = connection
        self.limits = limits
        self.log = Log(framesNext: limits.frames(limits.logBytesMax))
        try connection.setBusyTimeout(milliseconds: limits.busyMilliseconds)
        try connection.execute("PRAGMA temp_store = MEMORY")
        // Deleted content is overwritten where that costs no extra write, not more.
        try connection.execute("PRAGMA secure_delete = FAST")
        try connection.execute("PRAGMA journal_size_limit = \(limits.idleLogBytes)")
        if limits.pagesMax > 0 {
            try connection.execute("PRAGMA max_page_count = \(limits.pagesMax)")
        }
        try Schema.migrate(connection)
        try Views.bringUpToDate(connection)

        self.begin = try Statement("BEGIN IMMEDIATE", on: connection)
        self.commit = try Statement("COMMIT", on: connection)
        self.rollback = try Statement("ROLLBACK", on: connection)
        self.insertRow = try Statement(Self.insertion(of: 1), on: connection)
        self.insertRows = try Statement(Self.insertion(of: Self.rowsAtOnce), on: connection)
        self.deleteRow = try Statement(
            "DELETE FROM kv WHERE row = ?1 AND tenant = ?2",
            on: connection
        )
        self.deleteRows = try Statement(
            "DELETE FROM kv WHERE row BETWEEN ?1 AND ?3 AND tenant = ?2",
            on: connection
        )
        self.insertLease = try Statement(
            """
            INSERT INTO lease (tenant, id, ttl_seconds, granted_at)
            VALUES (?1, ?2, ?3, nullif(?4, 0))
            ON CONFLICT (tenant, id) DO UPDATE
            SET ttl_seconds = excluded.ttl_seconds, granted_at = excluded.granted_at
            """,
            on: connection
        )
        self.deleteLease = try Statement(
            "DELETE FROM lease WHERE tenant = ?1 AND id = ?2",
            on: connection
        )
        self.insertAlarm = try Statement(
            """
            INSERT INTO alarm (tenant, member_id, kind) VALUES (?1, ?2, ?3)
            ON CONFLICT DO NOTHING
            """,
            on: connection
        )
        self.deleteAlarm = try Statement(
            "DELETE FROM alarm WHERE tenant = ?1 AND member_id = ?2 AND kind = ?3",
            on: connection
        )
        self.updateTenant = try Statement(
            """
            UPDATE tenant SET revision = ?2, compact_revision = ?3, sequence = ?4,
                allocated_bytes = ?5, journal_record = ?6
            WHERE id = ?1
            """,
            on: connection
        )
        self.rowExists = try Statement("SELECT 1 FROM kv WHERE row = ?1", on: connection)
        self.tenantPoint = try Statement(
            "SELECT revision, sequence FROM tenant WHERE id = ?1",
            on: connection
        )
        self.times = try CommitTimes(connection)
        self.registry = try RegistryWriter(connection, self.times)
        self.setJournal = try Statement("UPDATE journal SET record = ?1", on: connection)
        self.journalRecord = try Statement(Schema.lastRecord, on: connection)
        try self.serve()
    }
}
