package import ByreCore
import SQLite

/// A store in a SQLite file, with a file of its own for each dedicated tenant: its *home*.
///
/// A home is a whole store with one tenant, journal and lock included, which can be served by itself
/// as soon as this store is not. What the tenant holds is in it alone. The main file has each
/// tenant's row too: it says which tenants there are.
///
/// **What a crash leaves.** A tenant's row is written first, saying that its file is not made yet; then
/// the file; then the row says that it is made. A start makes what is not made. A definition is
/// written to the home first and to the main file after it; a start takes the one with the greater
/// generation. To erase a tenant, its row says so first, then the files go, then the row.
///
/// **Threads.** As ``SQLiteBackend``.
// Sendable because the writer thread alone touches what changes.
package final class SQLiteStore: Backend, @unchecked Sendable {
    let main: SQLiteBackend
    let homes: SQLiteHomes
    private let limits: SQLiteLimits
    private let layer: FileLayer
    /// The files of dedicated tenants, those included that are being erased.
    var files: [TenantID: String] = [:]
    /// Definitions that homes have and the main file has not yet.
    var ahead: [TenantID: TenantDefinition] = [:]
    /// Tenants whose creation failed, and that are still in the main file.
    var abandoned: Set<TenantID> = []
    /// Homes with something that is in their journals alone.
    private var unsettled: Set<TenantID> = []
    /// Homes with commits since their housekeeping was done.
    private var untended: Set<TenantID> = []

    /// Opens the store in `directory`, as ``SQLiteBackend/init(directory:limits:files:)``.
    package convenience init(
        directory: String,
        limits: SQLiteLimits = SQLiteLimits(),
        files: FileLayer = .system
    ) throws(StoreError) {
        try self.init(
            SQLiteBackend(directory: directory, limits: limits, files: files),
            limits,
            files
        )
    }

    /// Opens the store in the file `path`, as ``SQLiteBackend/init(path:limits:files:)``.
    package convenience init(
        path: String,
        limits: SQLiteLimits = SQLiteLimits(),
        files: FileLayer = .system
    ) throws(StoreError) {
        try self.init(SQLiteBackend(path: path, limits: limits, files: files), limits, files)
    }

    private init(
        _ main: SQLiteBackend,
        _ limits: SQLiteLimits,
        _ files: FileLayer
    ) throws(StoreError) {
        self.main = main
        self.homes = SQLiteHomes()
        self.limits = limits
        self.layer = files
        do throws(StoreError) {
            try self.openHomes()
        } catch {
            self.close()
            throw error
        }
    }

    /// Opens a home, making its file if it is missing.
    func open(_ file: String) throws(StoreError) -> SQLiteBackend {
        try SQLiteBackend(path: self.path(of: file), limits: self.limits.ofHome, files: self.layer)
    }

    /// The path of a home.
    func path(of file: String) -> String { Self.directory(beside: self.main.path) + "/" + file }

    /// Where the homes of a store are: `byre.d` beside `byre.db`.
    static func directory(beside path: String) -> String {
        (path.hasSuffix(".db") ? String(path.dropLast(3)) : path) + ".d"
    }

    // MARK: Backend

    package var commitsSpanHomes: Bool { false }

    package func commit(_ batch: CommitBatch) throws(BackendError) {
        guard batch.registry.isEmpty else {
            try self.commitRegistry(batch)
            return
        }
        let tenant = batch.tenants.first?.id
        guard let tenant, let home = self.homes.backend(of: tenant) else {
            // What has a file is never written beside it.
            guard tenant.flatMap({ self.files[$0] }) == nil else {
                throw .unavailable("the file of the tenant is closed")
            }
            try self.main.commit(batch)
            return
        }
        try home.commit(batch)
        self.wasWritten(tenant)
    }

    /// Notes that a home has something to settle.
    func wasWritten(_ tenant: TenantID) {
        self.unsettled.insert(tenant)
        self.untended.insert(tenant)
    }

    package func settle(isIdle: Bool) throws(BackendError) -> Bool {
        var failure: BackendError?
        var isLeft = false
        do throws(BackendError) {
            isLeft = try self.main.settle(isIdle: isIdle)
        } catch {
            failure = error
        }
        for tenant in self.unsettled {
            do throws(BackendError) {
                if try self.homes.backend(of: tenant)?.settle(isIdle: isIdle) == true {
                    isLeft = true
                } else {
                    self.unsettled.remove(tenant)
                }
            } catch {
                failure = failure ?? error
            }
        }
        if isIdle, !self.ahead.isEmpty {
            do throws(BackendError) {
                try self.catchUpMain()
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return isLeft || !self.ahead.isEmpty
    }

    package func makeReader() throws(BackendError) -> any BackendReader {
        SQLiteStoreReader(try self.main.makeReader(), self.homes)
    }

    package func maintain() throws(BackendError) -> Bool {
        let isLeft = try self.main.maintain()
        guard let tenant = self.untended.first else { return isLeft }
        if try self.homes.backend(of: tenant)?.maintain() != true { self.untended.remove(tenant) }
        return isLeft || !self.untended.isEmpty
    }

    package func defragment() throws(BackendError) { try self.main.defragment() }

    package func defragment(storeOf tenant: TenantID) throws(BackendError) {
        try (self.homes.backend(of: tenant) ?? self.main).defragment()
    }

    package func close() {
        for home in self.homes.removeAll() { home.close() }
        self.main.close()
    }
}

extension SQLiteLimits {
    /// Those of a dedicated tenant's file: there may be hundreds in one process.
    var ofHome: SQLiteLimits {
        var limits = self
        limits.writerCacheBytes = min(limits.writerCacheBytes, 2 << 20)
        limits.readerCacheBytes = min(limits.readerCacheBytes, 512 << 10)
        limits.idleLogBytes = min(limits.idleLogBytes, 4 << 20)
        return limits
    }
}
