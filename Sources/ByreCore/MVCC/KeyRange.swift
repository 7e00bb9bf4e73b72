/// A set of keys that are consecutive in byte order.
///
/// etcd spells a range as two byte strings, `key` and `range_end`; that convention is decoded once,
/// in ``init(key:rangeEnd:)``.
/// - Source: etcd `api/etcdserverpb/rpc.proto`, `RangeRequest`.
package enum KeyRange: Hashable, Sendable {
    /// One key.
    case key(Bytes)
    /// Keys from `start`, inclusive, to `end`, exclusive; empty when `end <= start`.
    case interval(start: Bytes, end: Bytes)
    /// Keys from `start`, inclusive, on.
    case from(start: Bytes)

    /// Decodes etcd's pair: an empty `rangeEnd` is the single key, a lone zero byte is no end.
    package init(key: Bytes, rangeEnd: Bytes) {
        if rangeEnd.isEmpty {
            self = .key(key)
        } else if rangeEnd.count == 1 && rangeEnd[0] == 0 {
            self = .from(start: key)
        } else {
            self = .interval(start: key, end: rangeEnd)
        }
    }

    /// Every key.
    package static let all = KeyRange.from(start: [])

    /// The first key that could be in the range.
    package var start: Bytes {
        switch self {
        case .key(let key): key
        case .interval(let start, _): start
        case .from(let start): start
        }
    }

    /// Whether no key can be in the range.
    package var isEmpty: Bool {
        switch self {
        case .key, .from: false
        case .interval(let start, let end): compareBytes(start, end) >= 0
        }
    }

    package func contains(_ key: Bytes) -> Bool {
        switch self {
        case .key(let only): only == key
        case .interval(let start, let end):
            compareBytes(start, key) <= 0 && compareBytes(key, end) < 0
        case .from(let start): compareBytes(start, key) <= 0
        }
    }
}
