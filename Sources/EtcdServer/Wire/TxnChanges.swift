import ByreCore
import EtcdAPI

/// The keys that a list of operations may change, gathered to find a key that is changed twice.
///
/// Refused are: two puts of a key; a put of a key that a deletion covers. Not refused are two
/// deletions. A nested transaction's branches exclude each other, so the same key may be in both;
/// neighbours do not. Two oddities are etcd's: a nested put is compared with the deletions of *earlier*
/// neighbours only, and a deletion without an end (`range_end` of one zero byte) covers nothing.
///
/// - Source: etcd `server/etcdserver/api/v3rpc/key.go`, `checkIntervals`.
struct TxnChanges {
    private var puts: Set<Bytes> = []
    private var deletions = KeyIntervals()

    /// Refuses `ops` that change a key twice.
    static func check(_ ops: [RequestOp]) throws(EtcdError) {
        guard ops.count > 1 || ops.first?.isTxn == true else { return }
        _ = try TxnChanges(ops)
    }

    private init(_ ops: [RequestOp]) throws(EtcdError) {
        self.deletions = KeyIntervals(of: ops)
        for case .txn(let txn) in ops { try self.add(txn) }
        for case .put(let put) in ops { try self.add(put.key) }
    }

    private mutating func add(_ txn: Txn) throws(EtcdError) {
        let success = try TxnChanges(txn.success)
        let failure = try TxnChanges(txn.failure)
        for key in success.puts { try self.add(key) }
        for key in failure.puts where !success.puts.contains(key) { try self.add(key) }
        self.deletions.formUnion(success.deletions)
        self.deletions.formUnion(failure.deletions)
    }

    private mutating func add(_ key: Bytes) throws(EtcdError) {
        guard self.puts.insert(key).inserted else { throw .duplicateKey }
        guard !self.deletions.contains(key) else { throw .duplicateKey }
    }
}

extension RequestOp {
    fileprivate var isTxn: Bool {
        if case .txn = self { true } else { false }
    }
}

/// A set of keys made of intervals.
private struct KeyIntervals {
    private struct Interval {
        /// First key.
        var start: Bytes
        /// End, exclusive.
        var end: Bytes
    }

    /// By start; no two overlap or touch, so the ends are in order too.
    private var intervals: [Interval] = []

    init() {}

    /// The keys that the deletions among `ops` cover, those in nested transactions aside.
    init(of ops: [RequestOp]) {
        for case .deleteRange(let deleteRange) in ops {
            switch deleteRange.range {
            case .key(let key): self.intervals.append(Interval(start: key, end: key + [0]))
            case .interval(let start, let end):
                if compareBytes(start, end) < 0 {
                    self.intervals.append(Interval(start: start, end: end))
                }
            // To etcd an interval whose end, a zero byte, comes before its start.
            case .from: break
            }
        }
        self.intervals.sort { compareBytes($0.start, $1.start) < 0 }
        self.coalesce()
    }

    /// Whether a key is in the set.
    /// - Complexity: O(log n).
    func contains(_ key: Bytes) -> Bool {
        // The last interval that does not start after the key.
        var low = 0
        var high = self.intervals.count
        while low < high {
            let middle = (low + high) / 2
            if compareBytes(self.intervals[middle].start, key) <= 0 {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low > 0 && compareBytes(key, self.intervals[low - 1].end) < 0
    }

    /// - Complexity: O(n + m).
    mutating func formUnion(_ other: KeyIntervals) {
        guard !other.intervals.isEmpty else { return }
        var merged: [Interval] = []
        merged.reserveCapacity(self.intervals.count + other.intervals.count)
        var rest = other.intervals[...]
        for interval in self.intervals {
            while let next = rest.first, compareBytes(next.start, interval.start) < 0 {
                merged.append(next)
                rest.removeFirst()
            }
            merged.append(interval)
        }
        merged.append(contentsOf: rest)
        self.intervals = merged
        self.coalesce()
    }

    /// Joins neighbours that overlap or touch, in a list that is in order of starts.
    private mutating func coalesce() {
        var kept = 0
        for place in self.intervals.indices.dropFirst() {
            let interval = self.intervals[place]
            if compareBytes(interval.start, self.intervals[kept].end) <= 0 {
                if compareBytes(interval.end, self.intervals[kept].end) > 0 {
                    self.intervals[kept].end = interval.end
                }
            } else {
                kept += 1
                self.intervals[kept] = interval
            }
        }
        if !self.intervals.isEmpty { self.intervals.removeSubrange((kept + 1)...) }
    }
}
