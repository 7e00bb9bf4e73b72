import ByreCore
import Synchronization

/// The open homes of a store, for all threads.
final class SQLiteHomes: Sendable {
    private let backends = Mutex<[TenantID: SQLiteBackend]>([:])
    private let changes = Atomic<Int>(0)

    /// Counts the homes that were opened and closed; 0 while there never was one.
    var version: Int { self.changes.load(ordering: .acquiring) }

    /// The home of a tenant; nil for one whose data are in the main file.
    func backend(of tenant: TenantID) -> SQLiteBackend? {
        self.version == 0 ? nil : self.backends.withLock { $0[tenant] }
    }

    func set(_ backend: SQLiteBackend?, of tenant: TenantID) {
        self.backends.withLock { $0[tenant] = backend }
        self.changes.add(1, ordering: .acquiringAndReleasing)
    }

    func removeAll() -> [SQLiteBackend] {
        let all = self.backends.withLock { backends in
            let all = Array(backends.values)
            backends = [:]
            return all
        }
        self.changes.add(1, ordering: .acquiringAndReleasing)
        return all
    }
}

/// Reads from the main file and the homes, with a reader for each that is opened when it is needed.
///
/// Belongs to one thread.
final class SQLiteStoreReader: BackendReader {
    /// Most homes that are kept open for reading; the one that was not used for longest is closed for
    /// another.
    static let homesMax = 16

    private struct Home {
        let backend: SQLiteBackend
        let reader: any BackendReader
        var usedAt: Int
    }

    private let main: any BackendReader
    private let homes: SQLiteHomes
    private var open: [TenantID: Home] = [:]
    private var version = 0
    private var uses = 0

    init(_ main: any BackendReader, _ homes: SQLiteHomes) {
        self.main = main
        self.homes = homes
    }

    func values(
        of tenant: TenantID,
        rows: [RowID],
        _ body: (_ index: Int, _ value: Bytes) -> Void
    ) throws(BackendError) {
        try self.reader(of: tenant).values(of: tenant, rows: rows, body)
    }

    func scan(
        _ tenant: TenantID,
        in span: RowSpan,
        _ body: (_ key: Bytes, _ version: Version, _ value: Bytes) -> Bool
    ) throws(BackendError) {
        try self.reader(of: tenant).scan(tenant, in: span, body)
    }

    private func reader(of tenant: TenantID) throws(BackendError) -> any BackendReader {
        let version = self.homes.version
        guard version > 0 else { return self.main }
        if version != self.version {
            // Files of tenants that were erased are let go of.
            self.open = self.open.filter { self.homes.backend(of: $0.key) === $0.value.backend }
            self.version = version
        }
        self.uses += 1
        if let reader = self.open[tenant]?.reader {
            self.open[tenant]?.usedAt = self.uses
            return reader
        }
        guard let backend = self.homes.backend(of: tenant) else { return self.main }
        let reader = try backend.makeReader()
        if self.open.count >= Self.homesMax,
            let oldest = self.open.min(by: { $0.value.usedAt < $1.value.usedAt })
        {
            self.open[oldest.key] = nil
        }
        self.open[tenant] = Home(backend: backend, reader: reader, usedAt: self.uses)
        return reader
    }
}
