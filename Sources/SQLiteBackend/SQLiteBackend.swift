package import ByreCore
import SQLite

/// A store in one SQLite file: an append-only table of versions beside a few rows of control state.
///
/// **Threads.** Everything but ``makeReader()`` belongs to the writer thread. Readers have a
/// connection each. One thread of its own moves the log into the database (``Checkpointer``).
///
/// **Load-bearing settings.** `journal_mode=WAL`: readers never wait for the writer, and see a commit
/// once it has returned. `synchronous=FULL`: the log is synced at each commit, so that an
/// acknowledged write survives power loss; with NORMAL it would not. One process (``StoreLock``):
/// the index in memory is true because nobody else writes.
// Sendable because the writer thread alone touches what changes.
package final class SQLiteBackend: Backend, @unchecked Sendable {
    /// The database file.
    package let path: String
    let limits: SQLiteLimits
    // Nil after `close`, which lets go of them in this order.
    private var checkpointer: Checkpointer?
    private var openWriter: Writer?
    private var lock: StoreLock?

    /// Opens the store in `directory`, in its file `byre.db`, and makes either if it is missing.
    ///
    /// A directory that an etcd keeps its data in is refused.
    package convenience init(
        directory: String,
        limits: SQLiteLimits = SQLiteLimits()
    ) throws(StoreError) {
        let path = directory + "/byre.db"
        if StoreFile.isThere(directory + "/member"), !StoreFile.isThere(path) {
            throw StoreError.foreign(path: directory, what: "it is the data directory of an etcd")
        }
        try self.init(path: path, limits: limits)
    }

    /// Opens the store in the file `path`, and makes it if it is missing.
    ///
    /// What is not a store, or a newer one, or visibly damaged, is refused, and left as it is.
    package init(path: String, limits: SQLiteLimits = SQLiteLimits()) throws(StoreError) {
        self.path = path
        self.limits = limits
        try StoreFile.makeDirectory(StoreFile.parent(of: path) ?? "/")
        // Before the file is looked at: closing a descriptor of it would end the locks that this
        // process holds on it, if it had the store open already.
        self.lock = try StoreLock(path: path + ".lock", of: path)
        if try !StoreFile.exists(at: path) {
            try Self.create(path, limits)
        }
        let connection = try Self.connect(path)
        do throws(SQLiteError) {
            let writer = try Writer(connection, limits)
            self.checkpointer = try Checkpointer(path: path, limits: limits)
            try connection.keepLogOnClose(false)
            self.openWriter = writer
        } catch {
            throw StoreError(path, error)
        }
    }

    deinit {
        self.close()
    }

    package func makeReader() throws(BackendError) -> any BackendReader {
        do throws(SQLiteError) {
            return try SQLiteReader(path: self.path, limits: self.limits)
        } catch {
            throw BackendError(error)
        }
    }

    package func close() {
        self.checkpointer?.stop()
        self.checkpointer = nil
        self.openWriter = nil
        self.lock = nil
    }

    /// The connection that writes.
    /// - Throws: ``BackendError/unavailable(_:)`` after ``close()``.
    func writer() throws(BackendError) -> (Writer, Checkpointer) {
        guard let openWriter, let checkpointer else {
            throw BackendError.unavailable("the store is closed")
        }
        return (openWriter, checkpointer)
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
