package import ByreCore

extension PostgresBackend {
    /// Nothing: what an instance does for the store, its keeper does.
    package func maintain() throws(BackendError) -> Bool {
        try self.checkOpen()
        return false
    }

    /// Nothing: PostgreSQL uses the room of deleted rows for new ones, and its autovacuum gives what is
    /// free at the end of a table back.
    package func defragment() throws(BackendError) {
        try self.checkOpen()
    }
}
