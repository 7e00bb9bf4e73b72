import ByreCore

// Requests of an administrator in a tenant's own keys, and the tenant's answers in raw ones.

extension KeyRange {
    /// The range in a tenant's own keys.
    /// - Precondition: it lies under `prefix`.
    fileprivate func own(_ prefix: Bytes) -> KeyRange {
        guard let own = self.under(prefix) else {
            preconditionFailure("a range under a prefix has a part there")
        }
        return own
    }
}

extension PutRequest {
    func own(_ prefix: Bytes) -> PutRequest {
        var own = self
        own.key = Bytes(self.key.dropFirst(prefix.count))
        return own
    }
}

extension DeleteRangeRequest {
    func own(_ prefix: Bytes) -> DeleteRangeRequest {
        var own = self
        own.range = self.range.own(prefix)
        return own
    }
}

extension Txn {
    /// All keys that the transaction names, nested ones included.
    var ranges: [KeyRange] {
        self.compare.map(\.range)
            + (self.success + self.failure).flatMap { op -> [KeyRange] in
                switch op {
                case .range(let range): [range.range]
                case .put(let put): [.key(put.key)]
                case .deleteRange(let deleteRange): [deleteRange.range]
                case .txn(let txn): txn.ranges
                }
            }
    }

    func own(_ prefix: Bytes) -> Txn {
        var own = self
        for place in own.compare.indices {
            own.compare[place].range = own.compare[place].range.own(prefix)
        }
        own.success = self.success.map { $0.own(prefix) }
        own.failure = self.failure.map { $0.own(prefix) }
        return own
    }
}

extension RequestOp {
    fileprivate func own(_ prefix: Bytes) -> RequestOp {
        switch self {
        case .range(var range):
            range.range = range.range.own(prefix)
            return .range(range)
        case .put(let put): return .put(put.own(prefix))
        case .deleteRange(let deleteRange): return .deleteRange(deleteRange.own(prefix))
        case .txn(let txn): return .txn(txn.own(prefix))
        }
    }
}

extension KeyValue {
    fileprivate func raw(_ prefix: Bytes) -> KeyValue {
        var raw = self
        raw.key = prefix + self.key
        return raw
    }
}

extension PutResult {
    func raw(_ prefix: Bytes) -> PutResult {
        var raw = self
        raw.prevKV = self.prevKV?.raw(prefix)
        return raw
    }
}

extension DeleteRangeResult {
    func raw(_ prefix: Bytes) -> DeleteRangeResult {
        var raw = self
        raw.prevKVs = self.prevKVs.map { $0.raw(prefix) }
        return raw
    }
}

extension TxnResult {
    func raw(_ prefix: Bytes) -> TxnResult {
        var raw = self
        raw.responses = self.responses.map { response in
            switch response {
            case .range(var range):
                range.kvs = range.kvs.map { $0.raw(prefix) }
                return .range(range)
            case .put(let put): return .put(put.raw(prefix))
            case .deleteRange(let deleteRange): return .deleteRange(deleteRange.raw(prefix))
            case .txn(let txn): return .txn(txn.raw(prefix))
            }
        }
        return raw
    }
}
