import ByreAPI
import ByreCore
import Engine
import FoundationEssentials
import GRPC
import SwiftProtobuf

/// Where the reading of a tenant for an archive is: what comes next, in the order in which it was
/// written.
///
/// The index is in the order of keys. It is walked once for each ``passKeysMax`` keys, and those that
/// were written next are taken; so memory is bounded however many there are. The snapshot and its pin
/// keep all of it as it was.
struct ExportCursor: Sendable {
    /// Keys that one walk of the index takes.
    static let passKeysMax = 65_536
    /// Bytes of keys and values in a frame, after which no key is added.
    static let frameBytes = 512 << 10

    /// One frame, and whether it is the last.
    struct Step: Sendable {
        let frame: FramedMessage
        let isLast: Bool
    }

    private enum Stage {
        case header, leases, keys, end
    }

    let tenant: TenantStore
    private let pinned: PinnedSnapshot
    private let revision: Int64
    private let header: ByreArchiveHeader
    private var stage = Stage.header
    private var leases: ArraySlice<LeaseRecord>
    /// Keys that were taken and are not sent.
    private var taken: ArraySlice<(key: Bytes, version: ByreCore.Version)> = []
    private var hasMore = true
    private var last = Revision(main: 0, sub: 0)
    private var end = ByreArchiveEnd()

    /// - Parameter revision: 0 for the newest.
    /// - Throws: `OUT_OF_RANGE` for a revision that is compacted or yet to come.
    init(
        _ tenant: TenantStore,
        at revision: Int64,
        program: String,
        now: Int64
    ) throws(Status) {
        let pinned = tenant.pinnedSnapshot()
        let state = pinned.state
        guard revision <= state.revision else {
            throw Status(
                .outOfRange,
                "revision: \(revision) is yet to come; the newest is \(state.revision)"
            )
        }
        let chosen = revision == 0 ? state.revision : revision
        guard chosen >= max(state.compactRevision, 1) else {
            throw Status(
                .outOfRange,
                "revision: \(chosen) is compacted; the oldest is \(state.compactRevision)"
            )
        }
        self.tenant = tenant
        self.pinned = pinned
        self.revision = chosen
        self.leases = state.leases.records.sorted { $0.id < $1.id }[...]
        let isNewest = chosen == state.revision
        let keys = isNewest ? state.index.liveCount : state.index.count(in: .all, at: chosen)
        let definition = tenant.definition
        self.header = .with { header in
            header.format = ArchiveOrder.format
            header.tenant = definition.name
            header.uid = definition.uid
            header.revision = chosen
            header.keys = Int64(keys)
            header.createdAt = now
            header.source = program
        }
    }

    /// Makes the next frame, on a reader thread.
    mutating func next(_ reader: any BackendReader) throws(BackendError) -> Step {
        switch self.stage {
        case .header:
            self.stage = .leases
            return Step(
                frame: FramedMessage(ByreArchiveFrame.with { $0.header = self.header }),
                isLast: false
            )
        case .leases where !self.leases.isEmpty:
            return Step(frame: FramedMessage(self.nextLeases()), isLast: false)
        case .leases, .keys:
            self.stage = .keys
            if let frame = try self.nextKeys(reader) {
                return Step(frame: FramedMessage(frame), isLast: false)
            }
            self.stage = .end
            return Step(
                frame: FramedMessage(ByreArchiveFrame.with { $0.end = self.end }),
                isLast: true
            )
        case .end: preconditionFailure("nothing comes after the end")
        }
    }

    private mutating func nextLeases() -> ByreArchiveFrame {
        let some = self.leases.prefix(ArchiveOrder.leasesPerFrameMax)
        self.leases = self.leases.dropFirst(some.count)
        self.end.leases += Int64(some.count)
        return .with { frame in
            frame.leases.leases = some.map { lease in
                .with {
                    $0.id = lease.id.rawValue
                    $0.ttlSeconds = lease.ttlSeconds
                }
            }
        }
    }

    private mutating func nextKeys(
        _ reader: any BackendReader
    ) throws(BackendError) -> ByreArchiveFrame? {
        if self.taken.isEmpty { self.walk() }
        guard !self.taken.isEmpty else { return nil }
        var bytes = 0
        let some = self.taken.prefix { entry in
            guard bytes < Self.frameBytes else { return false }
            bytes += entry.key.count + Int(entry.version.valueSize)
            return true
        }
        self.taken = self.taken.dropFirst(some.count)
        var keys = some.map { ByreArchiveKey($0.key, $0.version) }
        // Rows are in the order of revisions.
        try reader.values(of: self.tenant.id, rows: some.map(\.version.row)) { index, value in
            keys[index].value = Data(value)
        }
        self.end.keys += Int64(some.count)
        self.end.bytes += Int64(bytes)
        return .with { $0.keys.keys = keys }
    }

    /// Takes the keys that were written next.
    /// - Complexity: O(keys of the tenant).
    private mutating func walk() {
        guard self.hasMore else { return }
        let last = self.last
        var found: [(key: Bytes, version: ByreCore.Version)] = []
        // Once more were found than are taken, what is at or beyond this is left for later.
        var bound: Revision?
        func keepOldest() {
            found.sort { $0.version.revision < $1.version.revision }
            guard found.count > Self.passKeysMax else { return }
            found.removeLast(found.count - Self.passKeysMax)
            bound = found.last?.version.revision
        }
        self.pinned.state.index.forEach(in: .all, at: self.revision) { key, version in
            let revision = version.revision
            guard revision > last, bound.map({ revision < $0 }) ?? true else { return true }
            found.append((key, version))
            if found.count >= 2 * Self.passKeysMax { keepOldest() }
            return true
        }
        keepOldest()
        self.hasMore = bound != nil
        if let newest = found.last { self.last = newest.version.revision }
        self.taken = found[...]
    }
}

extension ByreArchiveKey {
    fileprivate init(_ key: Bytes, _ version: ByreCore.Version) {
        self.init()
        self.key = Data(key)
        self.createRevision = version.createRevision
        self.modRevision = version.modRevision
        self.sub = version.sub
        self.version = version.version
        self.lease = version.lease.rawValue
    }
}
