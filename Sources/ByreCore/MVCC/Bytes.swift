/// A key or a value: raw bytes, ordered as unsigned bytes.
package typealias Bytes = [UInt8]

/// Compares two byte strings in etcd's key order: byte by byte, a prefix before what it prefixes.
/// - Returns: negative, zero or positive, as C's `memcmp`.
/// - Complexity: O(min(`a.count`, `b.count`)), eight bytes a step.
package func compareBytes(_ a: Bytes, _ b: Bytes) -> Int {
    a.withUnsafeBytes { left in
        b.withUnsafeBytes { right in
            let shared = min(left.count, right.count)
            var offset = 0
            while offset &+ 8 <= shared {
                let x = left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                let y = right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                if x != y {
                    return UInt64(bigEndian: x) < UInt64(bigEndian: y) ? -1 : 1
                }
                offset &+= 8
            }
            while offset < shared {
                let x = left[offset]
                let y = right[offset]
                if x != y { return x < y ? -1 : 1 }
                offset &+= 1
            }
            return left.count &- right.count
        }
    }
}
