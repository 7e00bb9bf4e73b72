import CSQLite

/// A prepared statement: parameters are numbered from 1, columns from 0, as SQLite does.
///
/// Belongs to its connection's thread. It keeps the connection open.
///
/// SQLite: <https://www.sqlite.org/c3ref/stmt.html>
package struct Statement: ~Copyable {
    private let handle: OpaquePointer
    private let connection: Connection

    /// Prepares the one statement of `sql`, to be run many times.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/prepare.html>
    package init(_ sql: String, on connection: Connection) throws(SQLiteError) {
        var handle: OpaquePointer?
        try SQLite.check(
            sqlite3_prepare_v3(
                connection.handle,
                sql,
                -1,
                UInt32(SQLITE_PREPARE_PERSISTENT),
                &handle,
                nil
            ),
            on: connection.handle
        )
        guard let handle else {
            throw SQLiteError(code: .misuse, message: "no SQL statement to prepare")
        }
        self.handle = handle
        self.connection = connection
    }

    deinit {
        sqlite3_finalize(self.handle)
    }

    // MARK: Parameters

    /// Binds an integer.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/bind_blob.html>
    package func bind(_ value: Int64, at index: Int) throws(SQLiteError) {
        try self.check(sqlite3_bind_int64(self.handle, CInt(index), value))
    }

    /// Binds an integer, or NULL for nil.
    package func bind(orNull value: Int64?, at index: Int) throws(SQLiteError) {
        guard let value else {
            try self.check(sqlite3_bind_null(self.handle, CInt(index)))
            return
        }
        try self.bind(value, at: index)
    }

    /// Binds a copy of `value`.
    package func bind(_ value: String, at index: Int) throws(SQLiteError) {
        let count = value.utf8.count
        let code = value.withCString { characters in
            sqlite3_bind_text(
                self.handle,
                CInt(index),
                characters,
                CInt(count),
                byre_sqlite3_transient()
            )
        }
        try self.check(code)
    }

    /// Binds a copy of `value`.
    package func bind(_ value: [UInt8], at index: Int) throws(SQLiteError) {
        let code = value.withUnsafeBytes { bytes in
            self.bind(bytes, at: index, byre_sqlite3_transient())
        }
        try self.check(code)
    }

    /// Binds `value` without copying it for as long as `body` runs, which has to end with the statement
    /// reset, as ``run()`` leaves it.
    ///
    /// What stays bound afterwards is never read: it has to be bound anew before the statement runs again.
    package func withBound(
        _ value: [UInt8],
        at index: Int,
        _ body: () throws(SQLiteError) -> Void
    ) throws(SQLiteError) {
        try value.withUnsafeBufferPointer { (bytes) throws(SQLiteError) in
            try self.check(self.bind(UnsafeRawBufferPointer(bytes), at: index, nil))
            try body()
        }
    }

    /// - Parameter destructor: nil when the bytes stay where they are until the next reset.
    private func bind(
        _ bytes: UnsafeRawBufferPointer,
        at index: Int,
        _ destructor: sqlite3_destructor_type?
    ) -> CInt {
        // A null pointer would bind NULL, not an empty blob.
        guard let start = bytes.baseAddress, !bytes.isEmpty else {
            return sqlite3_bind_zeroblob(self.handle, CInt(index), 0)
        }
        return sqlite3_bind_blob64(
            self.handle,
            CInt(index),
            start,
            UInt64(bytes.count),
            destructor
        )
    }

    // MARK: Execution

    /// Advances to the next row.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/step.html>
    /// - Returns: whether there is one.
    package func step() throws(SQLiteError) -> Bool {
        let code = sqlite3_step(self.handle)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE { return false }
        try self.check(code)
        return false
    }

    /// Ends the execution so that the statement can run again; parameters stay bound.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/reset.html>
    package func reset() {
        // Answers the error of the last step once more, which has been thrown already.
        sqlite3_reset(self.handle)
    }

    /// Runs to the end, discarding any rows, and resets.
    package func run() throws(SQLiteError) {
        defer { self.reset() }
        while try self.step() {}
    }

    // MARK: Columns, valid after a step that returned true

    /// Reads an integer.
    ///
    /// SQLite: <https://www.sqlite.org/c3ref/column_blob.html>
    package func integer(_ column: Int) -> Int64 {
        sqlite3_column_int64(self.handle, CInt(column))
    }

    /// Reads an integer, or nil where there is NULL.
    package func integerOrNil(_ column: Int) -> Int64? {
        guard sqlite3_column_type(self.handle, CInt(column)) != SQLITE_NULL else { return nil }
        return self.integer(column)
    }

    /// Copies text out.
    package func text(_ column: Int) -> String {
        guard let text = sqlite3_column_text(self.handle, CInt(column)) else { return "" }
        return String(cString: text)
    }

    /// Copies a blob out.
    /// - Complexity: O(length of the blob).
    package func blob(_ column: Int) -> [UInt8] {
        self.withBlob(column) { bytes in
            bytes.withUnsafeBytes { [UInt8]($0) }
        }
    }

    /// Lends a blob for the duration of `body`, without copying it.
    package func withBlob<R>(_ column: Int, _ body: (RawSpan) -> R) -> R {
        // The pointer first: it may convert the column, which changes the length.
        let start = sqlite3_column_blob(self.handle, CInt(column))
        let count = Int(sqlite3_column_bytes(self.handle, CInt(column)))
        return body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count).bytes)
    }

    @inline(__always)
    private func check(_ code: CInt) throws(SQLiteError) {
        // Most codes are this one.
        guard code != SQLITE_OK else { return }
        try SQLite.check(code, on: self.connection.handle)
    }
}
