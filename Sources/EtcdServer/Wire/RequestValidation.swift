package import ByreCore
package import EtcdAPI

/// The rules that a request is held to by itself, whatever the store holds and whoever asks.
///
/// The order of the checks is etcd's, since it decides which error a request with several faults
/// gets.
/// - Source: etcd `server/etcdserver/api/v3rpc/key.go`.
package enum RequestValidation {
    /// Checks a Range.
    package static func check(_ range: WireRangeRequest) throws(EtcdError) {
        guard range.hasKey else { throw .keyNotProvided }
        guard range.hasKnownSort else { throw .invalidSortOption }
    }

    /// Checks a RangeStream: a Range that is neither filtered nor sorted, but by key.
    package static func checkStream(_ range: WireRangeRequest) throws(EtcdError) {
        try self.check(range)
        let request = range.request
        let inKeyOrder = request.sortTarget == .key && request.sortOrder == .ascend
        guard request.sortOrder == .none || inKeyOrder else { throw .rangeStreamSort }
        guard request.minModRevision == 0, request.maxModRevision == 0,
            request.minCreateRevision == 0, request.maxCreateRevision == 0
        else { throw .rangeStreamFilter }
    }

    /// Checks a Put.
    package static func check(_ put: PutRequest) throws(EtcdError) {
        guard !put.key.isEmpty else { throw .keyNotProvided }
        guard !put.ignoreValue || put.value.isEmpty else { throw .valueProvided }
        guard !put.ignoreLease || put.lease == .none else { throw .leaseProvided }
    }

    /// Checks a DeleteRange.
    package static func check(_ deleteRange: DeleteRangeRequest) throws(EtcdError) {
        guard !deleteRange.range.start.isEmpty else { throw .keyNotProvided }
    }

    /// Checks a Txn: its operations first, then whether they change a key twice.
    /// - Parameter opsMax: `--max-txn-ops`; most conditions, and operations of each branch, together
    ///   with those of the most demanding transaction nested in it.
    /// - Complexity: O(n log n) in operations, times the depth of nesting.
    package static func check(_ wire: WireTxn, opsMax: Int) throws(EtcdError) {
        try self.checkOps(wire.txn, wire.faults, opsMax: opsMax)
        try TxnChanges.check(wire.txn.success)
        try TxnChanges.check(wire.txn.failure)
    }

    private static func checkOps(
        _ txn: Txn,
        _ faults: TxnFaults?,
        opsMax: Int
    ) throws(EtcdError) {
        let count = max(txn.compare.count, txn.success.count, txn.failure.count)
        guard count <= opsMax else { throw .tooManyOps }
        for compare in txn.compare where compare.range.start.isEmpty { throw .keyNotProvided }
        for (place, op) in txn.success.enumerated() {
            try self.checkOp(op, faults?.success[place], opsMax: opsMax - count)
        }
        for (place, op) in txn.failure.enumerated() {
            try self.checkOp(op, faults?.failure[place], opsMax: opsMax - count)
        }
    }

    private static func checkOp(
        _ op: RequestOp,
        _ fault: OpFault?,
        opsMax: Int
    ) throws(EtcdError) {
        switch fault {
        case .unset: throw .keyNotFound
        case .tooDeep: throw .tooManyOps
        case nil, .unknownSort, .nested: break
        }
        switch op {
        case .range(let range):
            guard !range.range.start.isEmpty else { throw .keyNotProvided }
            if case .unknownSort = fault { throw .invalidSortOption }
        case .put(let put):
            try self.check(put)
        case .deleteRange(let deleteRange):
            try self.check(deleteRange)
        case .txn(let txn):
            var faults: TxnFaults?
            if case .nested(let nested) = fault { faults = nested }
            try self.checkOps(txn, faults, opsMax: opsMax)
        }
    }
}
