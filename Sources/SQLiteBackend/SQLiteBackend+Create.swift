import ByreCore
import SQLite

extension SQLiteBackend {
    /// Makes a store under another name and gives it its own when it is whole, so that no crash
    /// leaves half of one.
    static func create(_ path: String, _ limits: SQLiteLimits) throws(StoreError) {
        let unfinished = path + ".new"
        try StoreFile.makeEmpty(unfinished)
        do throws(SQLiteError) {
            try Self.fill(unfinished, limits)
        } catch {
            StoreFile.remove(unfinished)
            throw StoreError(path, error)
        }
        try StoreFile.rename(unfinished, to: path)
    }

    private static func fill(_ path: String, _ limits: SQLiteLimits) throws(SQLiteError) {
        let connection = try Connection(path: path, access: .readWrite)
        // Both are fixed by the first table.
        try connection.execute("PRAGMA page_size = \(limits.pageBytes)")
        try connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        try Schema.migrate(connection)
        // Kept in the file, for every connection from now on.
        let mode = try connection.text("PRAGMA journal_mode = WAL")
        guard mode == "wal" else {
            throw SQLiteError(code: .cannotOpen, message: "its file system has no shared memory")
        }
    }

    /// Opens the writer's connection to a store of a version that is known.
    static func connect(_ path: String) throws(StoreError) -> Connection {
        let connection: Connection
        let version: Int64
        do throws(SQLiteError) {
            let hadLog = StoreFile.isThere(path + "-wal")
            connection = try Connection(path: path, access: .readWrite)
            // Until it is known to be fit, it is left as it was found.
            try connection.keepLogOnClose(hadLog)
            version = try connection.integer("PRAGMA user_version")
        } catch {
            throw StoreError(path, error)
        }
        // The log may hold a later version than the file, which was looked at without it.
        guard version <= Schema.version else {
            throw StoreError.newer(path: path, version: version, known: Schema.version)
        }
        return connection
    }
}

extension StoreError {
    init(_ path: String, _ error: SQLiteError) {
        switch error.code.primary {
        case .notADatabase: self = .foreign(path: path, what: error.message)
        case .corrupt: self = .corrupt(path: path, what: error.description)
        default: self = .unusable(path: path, why: error.description)
        }
    }
}
