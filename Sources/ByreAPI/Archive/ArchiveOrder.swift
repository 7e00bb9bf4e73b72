/// Checks that the frames of an archive come in order and hold what they may.
///
/// ```
/// header ──► leases ... ──► keys ... ──► end
/// ```
package struct ArchiveOrder: Sendable {
    /// The version of the format that this program reads and writes.
    package static let format: UInt32 = 1
    /// Leases in one frame; more are refused.
    package static let leasesPerFrameMax = 10_000

    private enum Stage {
        case beginning, leases, keys, end
    }

    private var stage = Stage.beginning
    private var lastRevision: (main: Int64, sub: UInt32) = (0, 0)
    /// The header, once it has come.
    package private(set) var header: ByreArchiveHeader?
    package private(set) var leases: Int64 = 0
    package private(set) var keys: Int64 = 0
    /// Bytes of keys and values.
    package private(set) var bytes: Int64 = 0

    package init() {}

    package var hasEnded: Bool { self.stage == .end }

    /// Takes the next frame.
    /// - Throws: ``ArchiveError`` when it may not come here, or not hold what it does.
    package mutating func take(_ frame: ByreArchiveFrame) throws(ArchiveError) {
        switch (frame.content, self.stage) {
        case (.header(let header), .beginning): try self.take(header)
        case (.leases(let leases), .leases): try self.take(leases)
        case (.keys(let keys), .leases), (.keys(let keys), .keys): try self.take(keys)
        case (.end(let end), .leases), (.end(let end), .keys): try self.take(end)
        case (nil, _): throw ArchiveError("holds a frame of a kind that is not known here")
        default: throw ArchiveError("has its frames in the wrong order")
        }
    }

    private mutating func take(_ header: ByreArchiveHeader) throws(ArchiveError) {
        guard header.format == Self.format else {
            throw ArchiveError(
                "has format \(header.format), and this program knows format \(Self.format)"
            )
        }
        guard header.revision >= 1 else { throw ArchiveError("has no revision") }
        self.header = header
        self.stage = .leases
    }

    private mutating func take(_ frame: ByreArchiveLeases) throws(ArchiveError) {
        guard frame.leases.count <= Self.leasesPerFrameMax else {
            throw ArchiveError("has more than \(Self.leasesPerFrameMax) leases in a frame")
        }
        for lease in frame.leases where lease.id == 0 || lease.ttlSeconds < 1 {
            throw ArchiveError("has a lease without an id or a time to live")
        }
        self.leases += Int64(frame.leases.count)
    }

    private mutating func take(_ frame: ByreArchiveKeys) throws(ArchiveError) {
        self.stage = .keys
        let newest = self.header?.revision ?? 0
        for key in frame.keys {
            let revision = (main: key.modRevision, sub: key.sub)
            guard revision > self.lastRevision else {
                throw ArchiveError("has its keys in the wrong order")
            }
            // The first write of a store makes revision 2.
            guard key.modRevision >= 2, key.modRevision <= newest, !key.key.isEmpty,
                (1...key.modRevision).contains(key.createRevision), key.version >= 1
            else {
                throw ArchiveError("has a key with impossible revisions at \(key.modRevision)")
            }
            self.lastRevision = revision
            self.bytes += Int64(key.key.count + key.value.count)
        }
        self.keys += Int64(frame.keys.count)
    }

    private mutating func take(_ end: ByreArchiveEnd) throws(ArchiveError) {
        guard end.leases == self.leases, end.keys == self.keys, end.bytes == self.bytes else {
            throw ArchiveError(
                "is incomplete: it ends after \(self.keys) keys and \(self.leases) leases and says "
                    + "\(end.keys) and \(end.leases)"
            )
        }
        self.stage = .end
    }
}
