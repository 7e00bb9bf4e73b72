package import ByreCore
import SQLite

/// A store in one SQLite file: an append-only table of versions beside a few rows of control state.
///
/// **Threads.** Everything but ``makeReader()`` belongs to the writer thread. Readers have a
/// connection each. One thread of its own moves the log into the database (``Checkpointer``).
///
/// **Load-bearing settings.** `journal_mode=WAL`: readers never wait for the writer and see a commit
/// once it has returned. `synchronous=FULL`: the log is synced at each commit, so an acknowledged
/// write survives power loss; with NORMAL it would not. One process (``StoreLock``): the index in
/// memory is true because nobody else writes.
// Sendable because `open` is touched by the writer thread alone, and the rest does not change.
package final class SQLiteBackend: Backend, @unchecked Sendable {
    /// What `close` releases.
    struct Opened: ~Copyable {
        let writer: Writer
        let checkpointer: Checkpointer
        /// Last, so that it is released last.
        let lock: StoreLock
    }

    /// The database file.
    package let path: String
    let limits: SQLiteLimits
    var opened: Opened?

    /// Opens the store in `directory`, in its file `byre.db`, and makes either if it is missing.
    package convenience init(
        directory: String,
        limits: SQLiteLimits = SQLiteLimits()
    ) throws(StoreError) {
        try self.init(path: directory + "/byre.db", limits: limits)
    }

    /// Opens the store in the file `path`, and makes it if it is missing.
    ///
    /// What is not a store, or a newer one, or visibly damaged, is refused with nothing changed.
    package init(path: String, limits: SQLiteLimits = SQLiteLimits()) throws(StoreError) {
        self.path = path
        self.limits = limits
        self.opened = try Self.open(path, limits)
    }

    package func makeReader() throws(BackendError) -> any BackendReader {
        do throws(SQLiteError) {
            return try SQLiteReader(path: self.path, limits: self.limits)
        } catch {
            throw BackendError(error)
        }
    }

    package func close() {
        guard let opened = self.opened.take() else { return }
        opened.checkpointer.stop()
    }

    /// - Throws: ``BackendError/unavailable(_:)`` after ``close()``.
    var writer: Writer {
        get throws(BackendError) {
            guard let writer = self.opened?.writer else {
                throw BackendError.unavailable("the store is closed")
            }
            return writer
        }
    }
}

extension SQLiteError {
    /// The store holds what it cannot hold, though SQLite finds nothing wrong.
    static func contradiction(_ what: String) -> SQLiteError {
        SQLiteError(code: .corrupt, message: what)
    }
}

extension BackendError {
    /// A failure that has written nothing.
    init(_ error: SQLiteError) {
        switch error.code.primary {
        case .corrupt, .notADatabase, .constraint: self = .corrupt(error.description)
        default: self = .unavailable(error.description)
        }
    }
}
