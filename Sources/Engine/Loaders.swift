package import ByreCore

/// Loads values on the committer thread, which opens its reader when first needed.
final class CommitterLoader: ValueLoader {
    private let backend: any Backend
    private let cache: ValueCache
    private var reader: (any BackendReader)?

    init(backend: any Backend, cache: ValueCache) {
        self.backend = backend
        self.cache = cache
    }

    func value(of tenant: TenantID, row: RowID) throws(BackendError) -> Bytes {
        if let value = self.cache.value(of: row) { return value }
        return try ReaderLoader(reader: self.openReader(), cache: self.cache).value(
            of: tenant,
            row: row
        )
    }

    private func openReader() throws(BackendError) -> any BackendReader {
        if let reader { return reader }
        let opened = try self.backend.makeReader()
        self.reader = opened
        return opened
    }

    /// The value, or nil when it cannot be loaded now.
    func valueIfLoadable(of tenant: TenantID, version: Version) -> Bytes? {
        guard version.valueSize > 0 else { return [] }
        return try? self.value(of: tenant, row: version.row)
    }
}

/// Loads values on a reader thread, through the cache.
package struct ReaderLoader: ValueLoader {
    let reader: any BackendReader
    let cache: ValueCache

    package init(reader: any BackendReader, cache: ValueCache) {
        self.reader = reader
        self.cache = cache
    }

    package func value(of tenant: TenantID, row: RowID) throws(BackendError) -> Bytes {
        if let value = self.cache.value(of: row) { return value }
        var loaded = Bytes()
        try self.reader.values(of: tenant, rows: [row]) { _, value in loaded = value }
        self.cache.insert(loaded, of: row, tenant: tenant)
        return loaded
    }
}

/// Loads nothing: answers from the cache, or says that it cannot.
package struct CacheLoader: ValueLoader {
    let cache: ValueCache

    package init(cache: ValueCache) {
        self.cache = cache
    }

    /// - Throws: ``BackendError/unavailable(_:)`` when the value is not in memory.
    package func value(of tenant: TenantID, row: RowID) throws(BackendError) -> Bytes {
        guard let value = self.cache.value(of: row) else {
            throw .unavailable("not in memory")
        }
        return value
    }
}
