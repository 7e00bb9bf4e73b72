/// A key-value pair of an answer: what the index knows, and the value once it is at hand.
package struct KeyValue: Hashable, Sendable {
    package var key: Bytes
    package var version: Version
    /// The value, or nil while it is still to be loaded from `version.row` (or is not wanted).
    package var value: Bytes?

    package init(key: Bytes, version: Version, value: Bytes?) {
        self.key = key
        self.version = version
        self.value = value
    }
}

package struct RangeResult: Hashable, Sendable {
    /// The store's revision at the read, not the revision read at.
    package var headerRevision: Int64
    package var kvs: [KeyValue]
    /// Whether keys were left out because of the limit.
    package var more: Bool
    /// Keys in the range, limit and filters aside.
    package var count: Int64
    /// Whether the answer holds no values (`keys_only`).
    package var keysOnly: Bool

    package init(
        headerRevision: Int64,
        kvs: [KeyValue],
        more: Bool,
        count: Int64,
        keysOnly: Bool
    ) {
        self.headerRevision = headerRevision
        self.kvs = kvs
        self.more = more
        self.count = count
        self.keysOnly = keysOnly
    }
}

package struct PutResult: Hashable, Sendable {
    package var headerRevision: Int64
    package var prevKV: KeyValue?

    package init(headerRevision: Int64, prevKV: KeyValue?) {
        self.headerRevision = headerRevision
        self.prevKV = prevKV
    }
}

package struct DeleteRangeResult: Hashable, Sendable {
    package var headerRevision: Int64
    package var deleted: Int64
    package var prevKVs: [KeyValue]

    package init(headerRevision: Int64, deleted: Int64, prevKVs: [KeyValue]) {
        self.headerRevision = headerRevision
        self.deleted = deleted
        self.prevKVs = prevKVs
    }
}

package indirect enum ResponseOp: Hashable, Sendable {
    case range(RangeResult)
    case put(PutResult)
    case deleteRange(DeleteRangeResult)
    case txn(TxnResult)
}

package struct TxnResult: Hashable, Sendable {
    /// 0 in a nested transaction: only the outermost says its revision, as in etcd.
    package var headerRevision: Int64
    package var succeeded: Bool
    package var responses: [ResponseOp]

    package init(headerRevision: Int64, succeeded: Bool, responses: [ResponseOp]) {
        self.headerRevision = headerRevision
        self.succeeded = succeeded
        self.responses = responses
    }
}
