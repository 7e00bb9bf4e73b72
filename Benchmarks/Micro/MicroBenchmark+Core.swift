import ByreCore

/// Rows of a store whose values nobody asks for.
private struct NoValues: ValueLoader {
    func value(of tenant: TenantID, row: RowID) throws(BackendError) -> Bytes {
        throw .corrupt("no value is loaded here")
    }
}

private func version(_ revision: Int64, number: Int64) -> Version {
    Version(
        modRevision: revision,
        sub: 0,
        valueSize: 1_024,
        createRevision: 1,
        version: number,
        lease: .none,
        row: RowID(rawValue: revision)
    )
}

private func filledIndex() -> KeyIndex {
    var index = KeyIndex()
    for (number, key) in MicroKeys.all.enumerated() {
        index.put(key, version(Int64(number) + 1, number: 1))
    }
    return index
}

private func filledState() throws(RequestError) -> TenantState {
    let record = TenantRecord(
        id: TenantID(rawValue: 1),
        uid: "00000000-0000-4000-8000-000000000001"
    )
    let first = RowID(rawValue: 1)
    var evaluation = Evaluation(of: TenantState(record, nextRow: first), quota: .default)
    let batch = Batch(firstRow: first)
    for key in MicroKeys.all {
        let put = PutRequest(key: key, value: MicroKeys.value)
        _ = try evaluation.apply(.put(put), batch: batch, loader: NoValues())
    }
    return evaluation.state
}

extension MicroBenchmark {
    static let indexGet = MicroBenchmark(name: "index-get", iterations: 20_000) {
        let index = filledIndex()
        return { iteration in
            let key = MicroKeys.all[MicroKeys.scattered(iteration)]
            guard index.latest(of: key) != nil else { throw Surprise(what: "a key is missing") }
        }
    }

    /// Puts into a copy, as the committer does: what both share is copied on the way.
    static let indexPut = MicroBenchmark(name: "index-put", iterations: 5_000) {
        var index = filledIndex()
        return { iteration in
            let published = index
            let key = MicroKeys.all[MicroKeys.scattered(iteration)]
            let revision = Int64(MicroKeys.count + iteration + 1)
            index.put(key, version(revision, number: 2))
            guard published.keyCount == index.keyCount else {
                throw Surprise(what: "a put of a known key made a key")
            }
        }
    }

    static let indexCount = MicroBenchmark(name: "index-count", iterations: 5_000) {
        let index = filledIndex()
        return { iteration in
            let start = MicroKeys.all[MicroKeys.scattered(iteration) / 2]
            let range = KeyRange.interval(start: start, end: Array("/registry/pods0".utf8))
            guard index.count(in: range) >= MicroKeys.count / 2 else {
                throw Surprise(what: "a count is wrong")
            }
        }
    }

    /// A kube-apiserver's update: compare, put, else get. A batch for each, as when nobody else writes.
    static let evaluateUpdate = MicroBenchmark(name: "evaluate-update", iterations: 2_000) {
        var state = try filledState()
        return { iteration in
            let key = MicroKeys.all[MicroKeys.scattered(iteration)]
            guard let known = state.index.latest(of: key) else {
                throw Surprise(what: "a key is missing")
            }
            var txn = Txn()
            txn.compare = [
                Compare(
                    range: .key(key),
                    result: .equal,
                    operand: .modRevision(known.modRevision)
                )
            ]
            txn.success = [.put(PutRequest(key: key, value: MicroKeys.value))]
            txn.failure = [.range(RangeRequest(range: .key(key)))]
            let batch = Batch(firstRow: state.nextRow)
            var evaluation = Evaluation(of: state, quota: .default)
            let outcome = try evaluation.apply(.txn(txn), batch: batch, loader: NoValues())
            guard case .txn(let result) = outcome, result.succeeded else {
                throw Surprise(what: "a comparison failed")
            }
            state = evaluation.state
        }
    }
}
