package import ByreCore
package import EtcdAPI

/// A TxnRequest as it came, before its rules were checked: compare 1, success 2, failure 3.
package struct WireTxn: Sendable {
    /// The transaction.
    ///
    /// Where ``faults`` names an operation, the one here is not what came.
    package private(set) var txn = Txn()
    /// What is wrong with it and ``Txn`` cannot say; nil for an honest client's.
    private(set) var faults: TxnFaults?

    /// How deep transactions may nest in one another.
    ///
    /// One more is refused as etcd refuses it: each level costs at least one of the operations that
    /// a transaction may have (`--max-txn-ops`, 128 by default), and none is left. What is nested
    /// deeper is not looked at.
    package static let nestingMax = 128

    package init(decoding bytes: RawSpan) throws(WireError) {
        try self.merge(bytes, depth: 0)
    }

    fileprivate init() {}

    /// Adds the fields of `bytes` to those that are there already.
    fileprivate mutating func merge(_ bytes: RawSpan, depth: Int) throws(WireError) {
        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .bytes):
                self.txn.compare.append(try Compare(decoding: reader.contents()))
            case (2, .bytes):
                let (request, fault) = try WireOp(decoding: reader.contents(), depth: depth).taken()
                if let fault {
                    self.faults = self.faults ?? TxnFaults()
                    self.faults?.success[self.txn.success.count] = fault
                }
                self.txn.success.append(request)
            case (3, .bytes):
                let (request, fault) = try WireOp(decoding: reader.contents(), depth: depth).taken()
                if let fault {
                    self.faults = self.faults ?? TxnFaults()
                    self.faults?.failure[self.txn.failure.count] = fault
                }
                self.txn.failure.append(request)
            default:
                try reader.skip(field)
            }
        }
    }
}

/// Faulty operations of a transaction, by their place.
struct TxnFaults: Sendable {
    var success: [Int: OpFault] = [:]
    var failure: [Int: OpFault] = [:]
}

/// What can be wrong with an operation that ``RequestOp`` cannot say.
enum OpFault: Sendable {
    /// It is no operation at all.
    case unset
    /// A range whose sort is none that etcd knows.
    case unknownSort
    /// A transaction beyond ``WireTxn/nestingMax``.
    case tooDeep
    /// A transaction with faulty operations.
    case nested(TxnFaults)
}

/// A RequestOp as it came: one of range 1, put 2, delete_range 3, txn 4; of several, the last.
private struct WireOp {
    private enum Content {
        case none
        case range(WireRangeRequest)
        case put(PutRequest)
        case deleteRange(WireDeleteRangeRequest)
        case txn(WireTxn)
        case tooDeep
    }

    private var content = Content.none

    /// - Parameter depth: how many transactions the one that holds this operation is nested in.
    init(decoding bytes: RawSpan, depth: Int) throws(WireError) {
        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .bytes): try self.mergeRange(reader.contents())
            case (2, .bytes): try self.mergePut(reader.contents())
            case (3, .bytes): try self.mergeDeleteRange(reader.contents())
            case (4, .bytes): try self.mergeTxn(reader.contents(), depth: depth + 1)
            default: try reader.skip(field)
            }
        }
    }

    /// The operation, an empty transaction if it is none, and what is wrong with it.
    consuming func taken() -> (request: RequestOp, fault: OpFault?) {
        switch self.content {
        case .none: (.txn(Txn()), .unset)
        case .range(let range): (.range(range.request), range.hasKnownSort ? nil : .unknownSort)
        case .put(let put): (.put(put), nil)
        case .deleteRange(let deleteRange): (.deleteRange(deleteRange.request), nil)
        case .txn(let txn): (.txn(txn.txn), txn.faults.map { .nested($0) })
        case .tooDeep: (.txn(Txn()), .tooDeep)
        }
    }

    // A message that comes twice is merged with itself, as protobuf wants. `content` lets go of the
    // first one meanwhile, so that merging does not copy it.

    private mutating func mergeRange(_ bytes: RawSpan) throws(WireError) {
        var range = WireRangeRequest()
        if case .range(let earlier) = self.content { range = earlier }
        self.content = .none
        try range.merge(bytes)
        self.content = .range(range)
    }

    private mutating func mergePut(_ bytes: RawSpan) throws(WireError) {
        var put = PutRequest(key: [], value: [])
        if case .put(let earlier) = self.content { put = earlier }
        self.content = .none
        try put.merge(bytes)
        self.content = .put(put)
    }

    private mutating func mergeDeleteRange(_ bytes: RawSpan) throws(WireError) {
        var deleteRange = WireDeleteRangeRequest()
        if case .deleteRange(let earlier) = self.content { deleteRange = earlier }
        self.content = .none
        try deleteRange.merge(bytes)
        self.content = .deleteRange(deleteRange)
    }

    private mutating func mergeTxn(_ bytes: RawSpan, depth: Int) throws(WireError) {
        guard depth <= WireTxn.nestingMax else {
            self.content = .tooDeep
            return
        }
        var txn = WireTxn()
        if case .txn(let earlier) = self.content { txn = earlier }
        self.content = .none
        try txn.merge(bytes, depth: depth)
        self.content = .txn(txn)
    }
}
