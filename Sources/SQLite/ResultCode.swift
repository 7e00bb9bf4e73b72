import CSQLite

/// What an SQLite call answers: a primary code in the low byte, what exactly happened above it.
///
/// SQLite: <https://www.sqlite.org/rescode.html>
package struct ResultCode: RawRepresentable, Hashable, Sendable {
    /// The extended code.
    package let rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The kind of failure, without its detail.
    package var primary: ResultCode { ResultCode(rawValue: self.rawValue & 0xFF) }

    package static let ok = ResultCode(rawValue: SQLITE_OK)
    package static let row = ResultCode(rawValue: SQLITE_ROW)
    package static let done = ResultCode(rawValue: SQLITE_DONE)
    /// Another connection holds a lock that is needed.
    package static let busy = ResultCode(rawValue: SQLITE_BUSY)
    package static let locked = ResultCode(rawValue: SQLITE_LOCKED)
    package static let readOnly = ResultCode(rawValue: SQLITE_READONLY)
    /// The operating system reported an I/O error; the extended code says on what.
    package static let ioError = ResultCode(rawValue: SQLITE_IOERR)
    /// The operating system refused a write; nothing was made of it.
    package static let ioErrorWrite = ResultCode(rawValue: SQLITE_IOERR | (3 << 8))
    /// The file contradicts itself.
    package static let corrupt = ResultCode(rawValue: SQLITE_CORRUPT)
    /// The disk, or the allowed number of pages, is full.
    package static let full = ResultCode(rawValue: SQLITE_FULL)
    package static let cannotOpen = ResultCode(rawValue: SQLITE_CANTOPEN)
    package static let constraint = ResultCode(rawValue: SQLITE_CONSTRAINT)
    package static let misuse = ResultCode(rawValue: SQLITE_MISUSE)
    package static let notADatabase = ResultCode(rawValue: SQLITE_NOTADB)
}
