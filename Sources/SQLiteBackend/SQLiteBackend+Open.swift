import ByreCore
import SQLite

extension SQLiteBackend {
    static func open(_ path: String, _ limits: SQLiteLimits) throws(StoreError) -> Opened {
        // Before anything is made: a path that holds something else stays as it is.
        if try !StoreFile.exists(at: path) {
            let directory = StoreFile.parent(of: path) ?? "/"
            try StoreFile.makeDirectory(directory)
        }
        let lock = try StoreLock(path: path + ".lock", of: path)
        // Again, now that nobody else can be making it.
        if try !StoreFile.exists(at: path) {
            try Self.create(path, limits)
        }
        do throws(SQLiteError) {
            let connection = try Connection(path: path, access: .readWrite)
            do throws(SQLiteError) {
                let writer = try Writer(connection, limits)
                let checkpointer = try Checkpointer(path: path, limits: limits)
                return Opened(writer: writer, checkpointer: checkpointer, lock: lock)
            } catch {
                // A store that could not be opened is left as it was found, log included.
                try? connection.keepLogOnClose()
                throw error
            }
        } catch {
            throw Self.storeError(path, error)
        }
    }

    private static func storeError(_ path: String, _ error: SQLiteError) -> StoreError {
        switch error.code.primary {
        case .corrupt, .notADatabase: .corrupt(path: path, what: error.description)
        default: .unusable(path: path, why: error.description)
        }
    }

    /// Makes a store under another name and gives it its own when it is whole, so that no crash leaves
    /// half of one.
    private static func create(_ path: String, _ limits: SQLiteLimits) throws(StoreError) {
        let unfinished = path + ".new"
        try StoreFile.makeEmpty(unfinished)
        do throws(SQLiteError) {
            let connection = try Connection(path: unfinished, access: .readWrite)
            try connection.execute("PRAGMA page_size = \(limits.pageBytes)")
            try connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            try connection.execute("PRAGMA synchronous = FULL")
            try Schema.migrate(connection)
            guard try connection.text("PRAGMA journal_mode = WAL") == "wal" else {
                throw SQLiteError(
                    code: .cannotOpen,
                    message: "the file system has no shared memory for WAL"
                )
            }
        } catch {
            throw Self.storeError(unfinished, error)
        }
        try StoreFile.rename(unfinished, to: path)
    }
}
