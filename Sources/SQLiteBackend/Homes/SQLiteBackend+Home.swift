import ByreCore
import SQLite

// What a store with homes asks of each of its files.
extension SQLiteBackend {
    /// What belongs to a store beside its lock: the database first, then what SQLite and the journal
    /// put beside it.
    static let suffixes = ["", ".journal.1", ".journal.2", "-wal", "-shm", "-journal"]

    /// The tenants that are in the file, by id. Writer thread only.
    func tenants() throws(BackendError) -> [StoredTenant] {
        let writing = try self.writing()
        do throws(SQLiteError) {
            return try StoredRegistry.read(writing.writer.connection)
        } catch {
            throw BackendError(error)
        }
    }

    /// Tenants whose own files may not be made yet. Writer thread only.
    func unmadeHomes() throws(BackendError) -> Set<TenantID> {
        let writing = try self.writing()
        do throws(SQLiteError) {
            let statement = try Statement(
                "SELECT id FROM tenant WHERE is_home_made = 0",
                on: writing.writer.connection
            )
            var ids: Set<TenantID> = []
            while try statement.step() { ids.insert(TenantID(rawValue: statement.integer(0))) }
            return ids
        } catch {
            throw BackendError(error)
        }
    }

    /// Removes a closed store, durably. What is not there is gone already.
    static func remove(_ path: String) throws(StoreError) {
        guard StoreFile.isThere(StoreFile.parent(of: path) ?? "/") else { return }
        StoreFile.remove(path + ".new")
        for suffix in Self.suffixes + [".lock"] { try StoreFile.removeFile(path + suffix) }
        try StoreFile.syncParent(of: path)
    }
}
