import ByreCore
import SQLite

/// When a commit of the writer's connection syncs the log.
///
/// **Invariant:** what the journal holds, or what holds nothing that was acknowledged (a vacuum), is
/// committed without a sync; everything else, within ``synced(_:)``.
extension Writer {
    /// Has commits leave the log unsynced from now on, and gives the cache the size that they need.
    ///
    /// SQLite: <https://www.sqlite.org/pragma.html#pragma_synchronous>
    func serve() throws(SQLiteError) {
        try self.connection.execute("PRAGMA synchronous = NORMAL")
        try self.connection.setCache(bytes: self.limits.writerCacheBytes)
    }

    /// Has each commit in `body` sync all of the log before it returns; then serves as before.
    ///
    /// Not within a transaction, where SQLite leaves the setting as it is.
    func synced<Result>(
        _ body: () throws(BackendError) -> Result
    ) throws(BackendError) -> Result {
        do throws(SQLiteError) {
            try self.connection.execute("PRAGMA synchronous = FULL")
        } catch {
            throw BackendError(error)
        }
        // Cannot fail outside a transaction. If it did, later commits would be synced in vain.
        defer { try? self.serve() }
        return try body()
    }
}
