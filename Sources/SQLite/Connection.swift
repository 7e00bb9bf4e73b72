import CSQLite

/// An open SQLite database, for one thread at a time.
///
/// SQLite: <https://www.sqlite.org/c3ref/sqlite3.html>
package final class Connection {
    package enum Access: Hashable, Sendable {
        case readOnly
        /// The file must exist already.
        case readWrite
    }

    /// How far a checkpoint goes.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/wal_checkpoint_v2.html>
    package enum CheckpointMode: Hashable, Sendable {
        /// Moves what can be moved without waiting for anyone.
        case passive
        /// Waits for readers and writers, moves everything, and cuts the log to nothing.
        case truncate
    }

    /// The state of the write-ahead log after a checkpoint, in frames of one page each.
    package struct Checkpoint: Hashable, Sendable {
        package var logFrames: Int
        /// How many of them the database file has.
        package var movedFrames: Int
        /// Whether somebody's lock kept the checkpoint from going all the way.
        package var busy: Bool

        package init(logFrames: Int, movedFrames: Int, busy: Bool) {
            self.logFrames = logFrames
            self.movedFrames = movedFrames
            self.busy = busy
        }
    }

    /// Whether SQLite keeps no account of its memory, which nobody asks for: it would take a lock that all
    /// connections share for each piece.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/c_config_covering_index_scan.html#sqliteconfigmemstatus>
    private static let isMemoryUncounted =
        byre_sqlite3_config_flag(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK

    let handle: OpaquePointer
    /// Written by SQLite's hook on the thread that commits on this connection.
    private let walFramesCell: UnsafeMutablePointer<Int>

    /// Opens the database file at `path`, a file name and never a URI.
    ///
    /// Opened without SQLite's mutexes: one thread at a time is the caller's duty.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/open.html>
    package init(path: String, access: Access) throws(SQLiteError) {
        _ = Self.isMemoryUncounted
        let flags =
            SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
            | (access == .readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE)
        var handle: OpaquePointer?
        do {
            try check(sqlite3_open_v2(path, &handle, flags, nil), on: handle)
        } catch {
            sqlite3_close_v2(handle)
            throw error
        }
        guard let handle else {
            throw SQLiteError(
                code: ResultCode(rawValue: SQLITE_NOMEM),
                message: "out of memory"
            )
        }
        self.handle = handle
        self.walFramesCell = .allocate(capacity: 1)
        self.walFramesCell.initialize(to: 0)
        // Installing a hook also ends SQLite's own checkpoints at commit.
        sqlite3_wal_hook(
            handle,
            { cell, _, _, frames in
                cell?.assumingMemoryBound(to: Int.self).pointee = Int(frames)
                return SQLITE_OK
            },
            self.walFramesCell
        )
    }

    deinit {
        // Statements that outlive the connection keep it half open; `close_v2` waits for them.
        sqlite3_wal_hook(self.handle, nil, nil)
        sqlite3_close_v2(self.handle)
        self.walFramesCell.deallocate()
    }

    /// Frames in the write-ahead log after the last commit of this connection.
    package var walFrames: Int { self.walFramesCell.pointee }

    /// Whether `BEGIN` has been executed and neither `COMMIT` nor `ROLLBACK` yet.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/get_autocommit.html>
    package var isInTransaction: Bool { sqlite3_get_autocommit(self.handle) == 0 }

    /// Rows that the last statement changed.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/changes.html>
    package var changes: Int64 { sqlite3_changes64(self.handle) }

    /// Waits this long for other connections' locks before a statement fails as busy.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/busy_timeout.html>
    package func setBusyTimeout(milliseconds: Int32) throws(SQLiteError) {
        try check(sqlite3_busy_timeout(self.handle, milliseconds), on: self.handle)
    }

    /// Sets how many bytes of pages the connection keeps in memory; what is more is given back.
    ///
    /// SQLite: <https://www.sqlite.org/pragma.html#pragma_cache_size>
    package func setCache(bytes: Int) throws(SQLiteError) {
        try self.execute("PRAGMA cache_size = -\(bytes >> 10)")
    }

    /// Sets whether the log stays as it is when this connection, if it is the last one, closes.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/c_dbconfig_defensive.html>
    package func keepLogOnClose(_ keep: Bool) throws(SQLiteError) {
        try check(
            byre_sqlite3_db_config_flag(
                self.handle,
                SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
                keep ? 1 : 0
            ),
            on: self.handle
        )
    }

    /// Runs the statements of `sql`, discarding any rows.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/exec.html>
    package func execute(_ sql: String) throws(SQLiteError) {
        try check(sqlite3_exec(self.handle, sql, nil, nil, nil), on: self.handle)
    }

    /// Runs a query and returns the first column of its first row as an integer; 0 without a row.
    package func integer(_ sql: String) throws(SQLiteError) -> Int64 {
        let statement = try Statement(sql, on: self)
        return try statement.step() ? statement.integer(0) : 0
    }

    /// Runs a query and returns the first column of its first row as text; empty without a row.
    package func text(_ sql: String) throws(SQLiteError) -> String {
        let statement = try Statement(sql, on: self)
        return try statement.step() ? statement.text(0) : ""
    }

    /// Moves frames of the write-ahead log into the database file.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/wal_checkpoint_v2.html>
    package func checkpoint(_ mode: CheckpointMode) throws(SQLiteError) -> Checkpoint {
        var log: CInt = 0
        var moved: CInt = 0
        let code = sqlite3_wal_checkpoint_v2(
            self.handle,
            nil,
            mode == .passive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE,
            &log,
            &moved
        )
        let busy = code & 0xFF == SQLITE_BUSY
        if !busy {
            try check(code, on: self.handle)
        }
        return Checkpoint(logFrames: max(0, Int(log)), movedFrames: max(0, Int(moved)), busy: busy)
    }
}
