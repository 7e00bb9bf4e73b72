import ByreCore

/// Loads history for watchers that lag behind, on reader threads.
final class CatchUp: Sendable {
    /// Slices loaded in one go, before others get the reader thread.
    private static let slicesPerJobMax = 16

    private let readers: ReaderPool
    private let cache: ValueCache

    init(readers: ReaderPool, cache: ValueCache) {
        self.readers = readers
        self.cache = cache
    }

    /// Queues work for a tenant whose hub has some.
    /// - Precondition: the tenant is marked as catching up, by the caller.
    func start(_ tenant: TenantStore) {
        let cost = Self.slicesPerJobMax * Self.sliceBytesMax / 4
        let isQueued = self.readers.submit(for: tenant, bytes: cost) { opened in
            switch opened {
            case .success(let reader): self.run(tenant, reader)
            case .failure: tenant.pauseCatchUp()
            }
        }
        if !isQueued { tenant.pauseCatchUp() }
    }

    private func run(_ tenant: TenantStore, _ reader: any BackendReader) {
        for _ in 0..<Self.slicesPerJobMax {
            let pin = tenant.pins.take()
            defer { withExtendedLifetime(pin) {} }
            // The state is taken under the lock under which the slice is cut, so that it holds every
            // version of the slice.
            let (step, state) = tenant.withLive { ($0.hub.nextCatchUp(), tenant.snapshot.state) }
            switch step {
            case .idle:
                // Unmarking looks whether something came meanwhile.
                tenant.endCatchUp()
                return
            case .advanced: continue
            case .load(let slice):
                do throws(BackendError) {
                    let loader = ReaderLoader(reader: reader, cache: self.cache)
                    var loaded = slice
                    let events = try Self.load(&loaded, of: state, loader: loader)
                    tenant.withLive { $0.wakes += $0.hub.deliver(events, for: loaded) }
                } catch {
                    tenant.withLive { $0.hub.abandon(slice) }
                    tenant.pauseCatchUp()
                    return
                }
            }
        }
        self.start(tenant)
    }

    /// Looks up a slice's versions, cuts it to a bounded size, and loads the values of what is left.
    private static func load(
        _ slice: inout CatchUpSlice,
        of state: TenantState,
        loader: ReaderLoader
    ) throws(BackendError) -> [WatchEvent] {
        var found = slice.entries.map {
            Self.lookUp($0, in: state, wantsPrevious: slice.wantsPrevious(of: $0))
        }
        if found.contains(where: { $0 == nil }) {
            var place = -1
            slice.removeEntries { _ in
                place += 1
                return found[place] == nil
            }
            found.removeAll { $0 == nil }
        }
        let versions = found.compactMap { $0 }
        slice.truncate(bytesMax: Self.sliceBytesMax) { place, entry in
            entry.key.count + Int(versions[place].version.valueSize)
                + Int(versions[place].previous?.valueSize ?? 0)
        }
        var events: [WatchEvent] = []
        events.reserveCapacity(slice.entries.count)
        for (entry, pair) in zip(slice.entries, versions) {
            var previous = WatchEvent.Previous.none
            if let version = pair.previous {
                previous = .known(
                    KeyValue(
                        key: entry.key,
                        version: version,
                        value: try Self.value(version, of: state.id, loader)
                    )
                )
            }
            events.append(
                WatchEvent(
                    key: entry.key,
                    version: pair.version,
                    value: try Self.value(pair.version, of: state.id, loader),
                    previous: previous
                )
            )
        }
        return events
    }

    /// Bytes of keys and values after which a slice is cut, at the end of a revision.
    private static let sliceBytesMax = WatchLimits().catchUpBytesMax

    private struct Found: Equatable {
        let version: Version
        let previous: Version?
    }

    private static func lookUp(
        _ entry: CatchUpSlice.Entry,
        in state: TenantState,
        wantsPrevious: Bool
    ) -> Found? {
        let main = entry.revision.main
        var found: Found?
        state.index.forEachVersion(
            in: .key(entry.key),
            modifiedFrom: main,
            through: main
        ) { _, version, previous in
            guard version.sub == entry.revision.sub else { return true }
            found = Found(
                version: version,
                previous: wantsPrevious && !version.isCreation ? previous : nil
            )
            return false
        }
        return found
    }

    private static func value(
        _ version: Version,
        of tenant: TenantID,
        _ loader: ReaderLoader
    ) throws(BackendError) -> Bytes {
        version.valueSize == 0 ? [] : try loader.value(of: tenant, row: version.row)
    }
}
