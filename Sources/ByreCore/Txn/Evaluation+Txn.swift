extension Txn {
    /// Whether running it may have to load values that the index only points to.
    var loadsValues: Bool { Self.loadValues(self.success) || Self.loadValues(self.failure) }

    private static func loadValues(_ ops: [RequestOp]) -> Bool {
        ops.contains { op in
            switch op {
            case .range(let range): range.sortTarget == .value
            case .put(let put): put.ignoreValue
            case .deleteRange: false
            case .txn(let txn): txn.loadsValues
            }
        }
    }

    /// Whether it can change nothing, whichever branch is taken. A nested transaction counts as a
    /// change, as in etcd.
    package var isReadOnly: Bool {
        let isRange = { (op: RequestOp) in if case .range = op { true } else { false } }
        return self.success.allSatisfy(isRange) && self.failure.allSatisfy(isRange)
    }
}

extension Evaluation {
    /// Runs a transaction: decides all comparisons, nested ones too, on the state before it; then
    /// checks the operations of the path taken on that state; then runs them, each seeing the ones
    /// before.
    mutating func txn(
        _ txn: Txn,
        batch: Batch,
        loader: some ValueLoader
    ) throws(RequestError) -> TxnResult {
        var path: [Bool] = []
        try self.state.decide(txn, batch: batch, loader: loader, path: &path)
        try self.checkRoom(for: txn, path: path)
        var step = 0
        try self.check(txn, path: path, step: &step)
        step = 0
        var result = try self.run(txn, path: path, step: &step, batch: batch, loader: loader)
        result.headerRevision = self.currentRevision
        return result
    }

    private func check(_ txn: Txn, path: [Bool], step: inout Int) throws(RequestError) {
        let ops = path[step] ? txn.success : txn.failure
        step += 1
        for op in ops {
            switch op {
            case .range(let range): try self.state.check(range)
            case .put(let put): try self.check(put)
            case .deleteRange: break
            case .txn(let nested): try self.check(nested, path: path, step: &step)
            }
        }
    }

    private mutating func run(
        _ txn: Txn,
        path: [Bool],
        step: inout Int,
        batch: Batch,
        loader: some ValueLoader
    ) throws(RequestError) -> TxnResult {
        let succeeded = path[step]
        step += 1
        var responses: [ResponseOp] = []
        for op in succeeded ? txn.success : txn.failure {
            switch op {
            case .range(let range):
                let values = BatchValues(batch: batch, loader: loader)
                responses.append(.range(try self.range(range, loader: values)))
            case .put(let put):
                responses.append(.put(try self.put(put, batch: batch, loader: loader)))
            case .deleteRange(let request):
                responses.append(.deleteRange(self.deleteRange(request, batch: batch)))
            case .txn(let nested):
                responses.append(
                    .txn(
                        try self.run(
                            nested,
                            path: path,
                            step: &step,
                            batch: batch,
                            loader: loader
                        )
                    )
                )
            }
        }
        return TxnResult(headerRevision: 0, succeeded: succeeded, responses: responses)
    }

    /// A read within the transaction: at "latest" it sees the transaction's own changes.
    private func range(
        _ request: RangeRequest,
        loader: some ValueLoader
    ) throws(RequestError) -> RangeResult {
        var seen = self.state
        seen.revision = self.currentRevision
        return try RangeRead(request, of: seen, loader: loader).result()
    }
}

extension TenantState {
    /// Refuses a range of a transaction whose revision is not there. Unlike a range of its own, a
    /// negative revision is compared too, as etcd does.
    /// - Source: etcd `server/etcdserver/txn/range.go`, `checkRange`.
    package func check(_ range: RangeRequest) throws(RequestError) {
        guard range.revision != 0 else { return }
        guard range.revision <= self.revision else { throw .futureRevision }
        guard range.revision >= self.compactRevision else { throw .compacted }
    }

    /// Runs a transaction that changes nothing.
    /// - Precondition: `txn.isReadOnly`.
    package func read(
        _ txn: Txn,
        loader: some ValueLoader
    ) throws(RequestError) -> TxnResult {
        var path: [Bool] = []
        try self.decide(txn, batch: nil, loader: loader, path: &path)
        let ops = path[0] ? txn.success : txn.failure
        for case .range(let range) in ops { try self.check(range) }
        var responses: [ResponseOp] = []
        for case .range(let range) in ops {
            responses.append(.range(try RangeRead(range, of: self, loader: loader).result()))
        }
        return TxnResult(
            headerRevision: self.revision,
            succeeded: path[0],
            responses: responses
        )
    }
}
