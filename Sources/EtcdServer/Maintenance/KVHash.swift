import ByreCore
import EtcdAPI

/// etcd's checksum of a tenant's keys: CRC-32C over what etcd's file would hold of them.
///
/// etcd's file has a bucket `key`. A version's key there is its revision: 8 bytes main, big-endian,
/// `_`, 8 bytes sub, and a `t` if it is a tombstone. The value there is the key-value message, which
/// of a tombstone has only the key. The checksum is over the bucket's name and then each key and
/// value, in order: of versions at or before the compact revision, those that are still seen at the
/// revision asked for; of later ones, all.
/// - Source: etcd `server/storage/mvcc/hash.go`, `revision.go`.
///
/// Computed in slices, so that whoever else wants a reader thread has a turn in between.
struct KVHash: Sendable {
    /// Rows, of whichever tenant, that one slice looks at.
    static let sliceRowsMax: Int64 = 16_384
    /// Bytes of keys and values after which a slice ends.
    static let sliceBytesMax = 1 << 20

    private let state: TenantState
    private let revision: Int64
    /// At which revision a compacted version has to be seen.
    private let seen: Int64
    private var rest: RowSpan
    private var checksum = CRC32C()

    /// The checksum of nothing yet.
    init(_ state: TenantState, at revision: Int64) {
        // etcd looks at what the revision asked for still sees; when that is nothing, it takes all that
        // the compaction has left.
        let isEmpty = state.index.count(in: .all, at: revision) == 0
        self.state = state
        self.revision = revision
        self.seen = isEmpty ? state.compactRevision : revision
        self.rest = state.rows
        self.checksum.update(Array("key".utf8))
    }

    var isDone: Bool { self.rest.isEmpty }

    /// Of everything, once it is done.
    var value: UInt32 { self.checksum.value }

    /// Goes on with a slice.
    /// - Complexity: O(bytes of the slice); all slices together O(bytes of the tenant's history), and
    ///   a step for each row of another tenant between its first and its last.
    mutating func step(_ reader: any BackendReader) throws(RequestError) {
        let before = self.rest
        guard let rows = self.rest.takeFirst(Self.sliceRowsMax) else { return }
        var bytes = 0
        var isPast = false
        var last: RowID?
        do throws(BackendError) {
            try reader.scan(self.state.id, in: RowSpan(rows)) { key, version, value in
                guard version.modRevision <= self.revision else {
                    isPast = true
                    return false
                }
                self.add(key, version, value)
                bytes += key.count + value.count
                guard bytes < Self.sliceBytesMax else {
                    last = version.row
                    return false
                }
                return true
            }
        } catch {
            throw .backend(error)
        }
        if isPast { self.rest.drop(through: before.last) }
        if let last {
            self.rest = before
            self.rest.drop(through: last)
        }
    }

    private mutating func add(_ key: Bytes, _ version: Version, _ value: Bytes) {
        if version.modRevision <= self.state.compactRevision {
            let kept = self.state.index.version(of: key, at: self.seen)
            guard kept?.row == version.row else { return }
        }
        self.checksum.update(Self.revisionKey(version))
        self.checksum.update(Self.message(key, version, value))
    }

    private static func revisionKey(_ version: Version) -> Bytes {
        var key = Bytes()
        key.reserveCapacity(18)
        Self.append(UInt64(bitPattern: version.modRevision), to: &key)
        key.append(UInt8(ascii: "_"))
        Self.append(UInt64(version.sub), to: &key)
        if version.isTombstone { key.append(UInt8(ascii: "t")) }
        return key
    }

    private static func append(_ number: UInt64, to bytes: inout Bytes) {
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
        }
    }

    private static func message(_ key: Bytes, _ version: Version, _ value: Bytes) -> Bytes {
        if version.isTombstone {
            var writer = WireWriter(length: WireSize.bytes(count: key.count, field: 1))
            writer.bytes(key, field: 1)
            return writer.bytes
        }
        let kv = KeyValue(key: key, version: version, value: value)
        var writer = WireWriter(length: kv.encodedLength(valueLength: value.count))
        kv.encodeContents(into: &writer)
        return writer.bytes
    }
}
