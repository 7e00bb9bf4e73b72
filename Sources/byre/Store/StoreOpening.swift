import ByreCore
import PostgresBackend
import SQLiteBackend

/// The one place that knows which kinds of stores there are.
enum StoreOpening {
    /// Opens a store, making it if it is missing.
    static func open(_ store: StoreURL) throws(StoreError) -> any Backend {
        switch store {
        case .sqlite(let path): try SQLiteStore(path: path)
        case .postgres(let url): try PostgresBackend(StoreAddress(url))
        }
    }

    /// Checks a store against every rule that its rows must keep, and changes nothing.
    static func verify(_ store: StoreURL) throws(StartError) -> [Finding] {
        do throws(StoreError) {
            switch store {
            case .sqlite(let path): return try SQLiteStore.verify(path: path)
            case .postgres(let url): return try PostgresBackend.verify(url: url)
            }
        } catch {
            throw StartError("\(error)")
        }
    }
}
