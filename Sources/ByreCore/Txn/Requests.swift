/// What a client may ask of a tenant's keys. Decoded at the edge, where static rules (no empty key,
/// no unknown sort order) are checked; see etcd `api/etcdserverpb/rpc.proto` for each field.

package struct RangeRequest: Hashable, Sendable {
    package enum SortOrder: Int32, Sendable {
        case none = 0
        case ascend = 1
        case descend = 2
    }

    package enum SortTarget: Int32, Sendable {
        case key = 0
        case version = 1
        case createRevision = 2
        case modRevision = 3
        case value = 4
    }

    package var range: KeyRange
    /// Most keys to answer with; 0 or less is no limit.
    package var limit: Int64 = 0
    /// Revision to read at; 0 or less is the latest.
    package var revision: Int64 = 0
    package var sortOrder: SortOrder = .none
    package var sortTarget: SortTarget = .key
    package var serializable = false
    package var keysOnly = false
    package var countOnly = false
    package var minModRevision: Int64 = 0
    package var maxModRevision: Int64 = 0
    package var minCreateRevision: Int64 = 0
    package var maxCreateRevision: Int64 = 0

    package init(range: KeyRange) {
        self.range = range
    }
}

package struct PutRequest: Hashable, Sendable {
    package var key: Bytes
    package var value: Bytes
    package var lease: LeaseID = .none
    package var prevKV = false
    package var ignoreValue = false
    package var ignoreLease = false

    package init(key: Bytes, value: Bytes) {
        self.key = key
        self.value = value
    }
}

package struct DeleteRangeRequest: Hashable, Sendable {
    package var range: KeyRange
    package var prevKV = false

    package init(range: KeyRange) {
        self.range = range
    }
}

/// One condition of a ``Txn``. With a range, every key in it must satisfy the condition.
package struct Compare: Hashable, Sendable {
    /// `unknown` is a number that etcd's enum does not have; etcd takes it as satisfied.
    package enum Result: Hashable, Sendable {
        case equal, greater, less, notEqual, unknown
    }

    /// What is compared, and with what. A client that sends no operand compares with 0 or "".
    package enum Operand: Hashable, Sendable {
        case version(Int64)
        case createRevision(Int64)
        case modRevision(Int64)
        case value(Bytes)
        case lease(Int64)
        /// A target that etcd's enum does not have; it compares as equal.
        case unknown
    }

    package var range: KeyRange
    package var result: Result
    package var operand: Operand

    package init(range: KeyRange, result: Result, operand: Operand) {
        self.range = range
        self.result = result
        self.operand = operand
    }
}

package indirect enum RequestOp: Hashable, Sendable {
    case range(RangeRequest)
    case put(PutRequest)
    case deleteRange(DeleteRangeRequest)
    case txn(Txn)
}

/// If all of `compare` hold then `success`, else `failure`, as one change.
package struct Txn: Hashable, Sendable {
    package var compare: [Compare] = []
    package var success: [RequestOp] = []
    package var failure: [RequestOp] = []

    package init() {}
}
