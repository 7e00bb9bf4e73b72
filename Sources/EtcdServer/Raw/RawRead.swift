import ByreCore
import Engine

/// An answer to a Range of raw keys in the making: tenants are added in the order of their prefixes.
struct RawRead: Sendable {
    /// Most bytes of keys and values in an answer, which is put together in memory; a larger one is
    /// refused.
    static let answerBytesMax = 32 << 20

    private let request: RangeRequest
    private var kvs: [KeyValue] = []
    private var count: Int64 = 0
    private var bytes = 0
    private var more = false
    private var tenants = 0
    private var headerRevision: Int64 = 0

    init(_ request: RangeRequest) {
        self.request = request
    }

    /// Whether it may be answered from whichever states are at hand.
    var isSerializable: Bool { self.request.serializable }

    /// Whether pairs come out in the order that tenants are added in.
    private var isInKeyOrder: Bool {
        self.request.sortTarget == .key && self.request.sortOrder != .descend
    }

    private var limit: Int { self.request.limit > 0 ? Int(clamping: self.request.limit) : .max }

    /// Adds a tenant's pairs.
    /// - Throws: ``RequestError``, ``BackendError`` or ``RawRefusal/tooLarge``.
    mutating func add(
        _ state: TenantState,
        under prefix: Bytes,
        _ loader: ReaderLoader
    ) throws {
        guard let range = self.request.range.under(prefix) else { return }
        var own = self.request
        own.range = range
        if !self.isInKeyOrder {
            // What is cut off, and in which order the rest comes, is settled when all are there.
            own.sortOrder = .none
            own.sortTarget = .key
            own.limit = 0
        }
        let read = try RangeRead(own, of: state, loader: loader)
        self.tenants += 1
        self.headerRevision = read.headerRevision
        self.count += read.count
        self.more = self.more || read.more
        guard !self.request.countOnly else { return }
        var position = RangeRead.Position()
        var found: [KeyValue] = []
        var size = self.bytes
        let room = self.isInKeyOrder ? self.limit - self.kvs.count : Int.max
        let isWhole = read.walk(from: &position) { key, version in
            guard found.count < room else { return false }
            size += prefix.count + key.count + (read.keysOnly ? 0 : Int(version.valueSize))
            guard size <= Self.answerBytesMax else { return false }
            found.append(KeyValue(key: prefix + key, version: version, value: nil))
            return true
        }
        guard size <= Self.answerBytesMax else { throw RawRefusal.tooLarge }
        if !isWhole { self.more = true }
        self.bytes = size
        let needsValues = !read.keysOnly || self.request.sortTarget == .value
        for place in found.indices where needsValues && found[place].version.valueSize > 0 {
            found[place].value = try loader.value(of: state.id, row: found[place].version.row)
        }
        self.kvs += found
    }

    /// The whole answer; what is not wanted of it is left out now.
    func result() -> RangeResult {
        var kvs = self.kvs
        var more = self.more
        if !self.isInKeyOrder {
            let isDescending = self.request.sortOrder == .descend
            let target = self.request.sortTarget
            kvs.sort { a, b in
                let order = RangeRead.order(a, b, by: target)
                return isDescending ? order > 0 : order < 0
            }
            if kvs.count > self.limit {
                kvs.removeLast(kvs.count - self.limit)
                more = true
            }
        }
        if self.request.keysOnly { for place in kvs.indices { kvs[place].value = nil } }
        return RangeResult(
            headerRevision: self.tenants == 1 ? self.headerRevision : 0,
            kvs: kvs,
            more: more,
            count: self.count,
            keysOnly: self.request.keysOnly
        )
    }
}
