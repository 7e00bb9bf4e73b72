package import ByreCore
import SQLite

/// A store in one SQLite file: an append-only table of versions beside a few rows of control state.
///
/// **Threads.** Everything but ``makeReader()`` belongs to the writer thread. Readers have a
/// connection each. One thread of its own moves the log into the database and syncs it
/// (``Checkpointer``).
///
/// **Where a batch is durable.** First in the ``Journal``, which ``commit(_:)`` appends to and syncs.
/// ``settle(isIdle:)`` brings it into SQLite; until then readers find it among the ``Unsettled``.
/// What changes control state, and what is large, is written to SQLite by the commit itself. SQLite
/// keeps the number of the last record that it has; at start the records after it are replayed.
///
/// **Load-bearing settings.** `journal_mode=WAL`: readers never wait for the writer, and see a
/// transaction once it has returned. `synchronous=NORMAL` for what is in the journal: power loss may
/// take SQLite's last transactions, never one before another, and the journal has them still; a file
/// of it is written over only when the log was synced. `synchronous=FULL` for what is not in the
/// journal: with NORMAL an acknowledged write could be lost. One process (``StoreLock``): the index
/// in memory is true because nobody else writes.
// Sendable because the writer thread alone touches what changes.
package final class SQLiteBackend: Backend, @unchecked Sendable {
    /// The database file.
    package let path: String
    let limits: SQLiteLimits
    /// What is in the journal alone.
    let unsettled = Unsettled()
    // Nil after `close`, which lets go of them in this order.
    private var openWriting: Writing?
    private var lock: StoreLock?

    /// What the writer thread works with.
    struct Writing {
        let writer: Writer
        let checkpointer: Checkpointer
        let journal: Journal
    }

    /// Knows what SQLite would refuse.
    var check: BatchCheck
    /// Bytes of the batches that are unsettled.
    var unsettledBytes = 0
    /// Why the unsettled batches cannot be brought into SQLite; nothing is committed meanwhile.
    var settleFailure: BackendError?

    /// Opens the store in `directory`, in its file `byre.db`, and makes either if it is missing.
    ///
    /// A directory that an etcd keeps its data in is refused.
    package convenience init(
        directory: String,
        limits: SQLiteLimits = SQLiteLimits(),
        files: FileLayer = .system
    ) throws(StoreError) {
        let path = directory + "/byre.db"
        if StoreFile.isThere(directory + "/member"), !StoreFile.isThere(path) {
            throw StoreError.foreign(path: directory, what: "it is the data directory of an etcd")
        }
        try self.init(path: path, limits: limits, files: files)
    }

    /// Opens the store in the file `path`, and makes it if it is missing.
    ///
    /// What is not a store, or a newer one, or visibly damaged, is refused, and left as it is.
    package init(
        path: String,
        limits: SQLiteLimits = SQLiteLimits(),
        files: FileLayer = .system
    ) throws(StoreError) {
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
        let writer: Writer
        do throws(SQLiteError) {
            writer = try Writer(connection, limits)
        } catch {
            throw StoreError(path, error)
        }
        let last = try Self.replay(path, writer, files)
        do throws(SQLiteError) {
            self.check = try BatchCheck(connection)
            let checkpointer = try Checkpointer(
                path: path,
                limits: limits,
                durable: last,
                layer: files
            )
            let journal = try Self.makeJournal(path, next: last + 1, limits, files, checkpointer)
            try connection.keepLogOnClose(false)
            self.openWriting = Writing(
                writer: writer,
                checkpointer: checkpointer,
                journal: journal
            )
        } catch {
            throw StoreError(path, error)
        }
    }

    deinit {
        self.close()
    }

    package func makeReader() throws(BackendError) -> any BackendReader {
        do throws(SQLiteError) {
            return try SQLiteReader(
                path: self.path,
                limits: self.limits,
                unsettled: self.unsettled
            )
        } catch {
            throw BackendError(error)
        }
    }

    package func close() {
        if let writing = self.openWriting {
            // What does not get into SQLite now stays in the journal for the next start.
            let isComplete = self.settleForGood(writing)
            writing.checkpointer.stop()
            self.openWriting = nil
            if isComplete { try? writing.journal.remove() }
        }
        self.lock = nil
    }

    /// What the writer thread works with.
    /// - Throws: ``BackendError/unavailable(_:)`` after ``close()``.
    func writing() throws(BackendError) -> Writing {
        guard let openWriting else { throw BackendError.unavailable("the store is closed") }
        return openWriting
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
