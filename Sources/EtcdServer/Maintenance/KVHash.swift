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
enum KVHash {
    /// - Complexity: O(bytes of the tenant's history), and a step for each row of another tenant
    ///   between its first and its last.
    static func of(
        _ state: TenantState,
        at revision: Int64,
        reader: any BackendReader
    ) throws(RequestError) -> UInt32 {
        // etcd looks at what the revision asked for still sees; when that is nothing, it takes all that
        // the compaction has left.
        let isEmpty = state.index.count(in: .all, at: revision) == 0
        let seen = isEmpty ? state.compactRevision : revision
        var checksum = CRC32C()
        checksum.update(Array("key".utf8))
        do throws(BackendError) {
            try reader.scan(state.id, in: state.rows) { key, version, value in
                guard version.modRevision <= revision else { return false }
                if version.modRevision <= state.compactRevision {
                    let kept = state.index.version(of: key, at: seen)
                    guard kept?.row == version.row else { return true }
                }
                checksum.update(Self.revisionKey(version))
                checksum.update(Self.message(key, version, value))
                return true
            }
        } catch {
            throw .backend(error)
        }
        return checksum.value
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
