import ByreCore
import Engine
import GRPC

/// Gives the pairs of one slice of a long answer their values: those in memory at once, the rest
/// from a reader thread.
struct SliceLoader {
    enum Filling {
        /// All values were in memory.
        case done([KeyValue])
        /// `complete` will be called.
        case loading
        /// Too many reads wait.
        case refused
    }

    let store: Store
    let tenant: TenantStore
    let loop: LoopHandle
    /// Whether what is loaded is worth keeping in memory; of very long answers it is not.
    let keepsLoaded: Bool

    /// - Parameters:
    ///   - pairs: pairs without values.
    ///   - handler: what `complete` runs on; belongs to the loop.
    ///   - complete: run on the loop with all values filled in, if they were not in memory.
    func fill<Handler: AnyObject>(
        _ pairs: consuming [KeyValue],
        for handler: Handler,
        _ complete:
            @escaping @Sendable (Handler, Result<[KeyValue], BackendError>) -> Void
    ) -> Filling {
        var missing: [(place: Int, row: RowID)] = []
        var bytes = 0
        for place in pairs.indices {
            let version = pairs[place].version
            pairs[place].value =
                version.valueSize == 0 ? [] : self.store.cache.value(of: version.row)
            if pairs[place].value == nil {
                missing.append((place, version.row))
                bytes += Int(version.valueSize)
            }
        }
        guard !missing.isEmpty else { return .done(pairs) }
        missing.sort { $0.row < $1.row }

        let bound = LoopBound(handler, loop: self.loop)
        let tenant = self.tenant.id
        let cache = self.keepsLoaded ? self.store.cache : nil
        let isQueued = self.store.readers.submit(for: self.tenant, bytes: bytes) {
            [missing, pairs] opened in
            var loaded = pairs
            let result: Result<[KeyValue], BackendError>
            do throws(BackendError) {
                try opened.get().values(of: tenant, rows: missing.map(\.row)) { index, value in
                    loaded[missing[index].place].value = value
                    // A list must not push out what is hot.
                    cache?.offer(value, of: missing[index].row, tenant: tenant)
                }
                result = .success(loaded)
            } catch {
                result = .failure(error)
            }
            bound.loop.execute { complete(bound.value, result) }
        }
        return isQueued ? .loading : .refused
    }
}
