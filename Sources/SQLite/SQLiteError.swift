import CSQLite

/// A failed SQLite call: its extended code and SQLite's own sentence about it.
package struct SQLiteError: Error, Hashable, Sendable, CustomStringConvertible {
    package var code: ResultCode
    package var message: String

    package init(code: ResultCode, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(self.message) (SQLite code \(self.code.rawValue))" }
}

/// Turns a result into an error unless it is one of success.
///
/// Every SQLite call of this module passes here. The extended code and the message are read before
/// another call on the connection can replace them.
///
/// SQLite: <https://www.sqlite.org/c3ref/errcode.html>
/// - Parameter database: the connection of the call, or nil when there is none.
@discardableResult
func check(_ code: CInt, on database: OpaquePointer?) throws(SQLiteError) -> ResultCode {
    let primary = code & 0xFF
    if primary == SQLITE_OK || primary == SQLITE_ROW || primary == SQLITE_DONE {
        return ResultCode(rawValue: primary)
    }
    throw failure(code, on: database)
}

/// Apart from ``check(_:on:)`` so that the path of success stays small.
private func failure(_ code: CInt, on database: OpaquePointer?) -> SQLiteError {
    // Misuse is found before the connection is looked at, so what it remembers is another call's.
    guard let database, code != SQLITE_MISUSE else {
        return SQLiteError(
            code: ResultCode(rawValue: code),
            message: String(cString: sqlite3_errstr(code))
        )
    }
    let extended = sqlite3_extended_errcode(database)
    let known = extended & 0xFF == code & 0xFF
    return SQLiteError(
        code: ResultCode(rawValue: known ? extended : code),
        message: String(cString: known ? sqlite3_errmsg(database) : sqlite3_errstr(code))
    )
}
