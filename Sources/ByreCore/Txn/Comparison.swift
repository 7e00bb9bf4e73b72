// Comparisons of a transaction, decided on one state.
//
// Generic functions rather than a generic type: the type would be looked up at run time for each
// transaction, since the loader is another module's.
extension TenantState {
    /// Appends to `path` which branch is taken, in depth-first order over the branches taken.
    /// - Parameter batch: where values are that the backend does not have yet.
    /// - Source: etcd `server/etcdserver/txn/txn.go`, `compareToPath`, `applyCompare`.
    func decide(
        _ txn: Txn,
        batch: Batch?,
        loader: some ValueLoader,
        path: inout [Bool]
    ) throws(RequestError) {
        var holds = true
        for compare in txn.compare where holds {
            holds = try self.holds(compare, batch: batch, loader: loader)
        }
        path.append(holds)
        for op in holds ? txn.success : txn.failure {
            if case .txn(let nested) = op {
                try self.decide(nested, batch: batch, loader: loader, path: &path)
            }
        }
    }

    /// Whether every key of the range satisfies the comparison. A range without keys is compared as
    /// one key of all zeros; a comparison of values then fails.
    private func holds(
        _ compare: Compare,
        batch: Batch?,
        loader: some ValueLoader
    ) throws(RequestError) -> Bool {
        var isMissing = true
        var holds = true
        switch compare.range {
        case .key(let key):
            if let version = self.index.latest(of: key), !version.isTombstone {
                isMissing = false
                holds = try self.holds(compare, of: version, batch: batch, loader: loader)
            }
        case .interval, .from:
            var failure: RequestError?
            self.index.forEach(in: compare.range, at: nil) { _, version in
                isMissing = false
                do throws(RequestError) {
                    holds = try self.holds(compare, of: version, batch: batch, loader: loader)
                } catch {
                    failure = error
                    holds = false
                }
                return holds
            }
            if let failure { throw failure }
        }
        guard isMissing else { return holds }
        if case .value = compare.operand { return false }
        let zeros = Version.tombstone(at: Revision(main: 0, sub: 0), row: RowID(rawValue: 0))
        return try self.holds(compare, of: zeros, batch: batch, loader: loader)
    }

    private func holds(
        _ compare: Compare,
        of version: Version,
        batch: Batch?,
        loader: some ValueLoader
    ) throws(RequestError) -> Bool {
        let order: Int
        switch compare.operand {
        case .version(let wanted): order = Self.order(version.version, wanted)
        case .createRevision(let wanted): order = Self.order(version.createRevision, wanted)
        case .modRevision(let wanted): order = Self.order(version.modRevision, wanted)
        case .lease(let wanted): order = Self.order(version.lease.rawValue, wanted)
        case .value(let wanted):
            order = compareBytes(try self.value(version, batch: batch, loader: loader), wanted)
        case .unknown: order = 0
        }
        switch compare.result {
        case .equal: return order == 0
        case .greater: return order > 0
        case .less: return order < 0
        case .notEqual: return order != 0
        case .unknown: return true
        }
    }

    private func value(
        _ version: Version,
        batch: Batch?,
        loader: some ValueLoader
    ) throws(RequestError) -> Bytes {
        guard version.valueSize > 0 else { return [] }
        if let pending = batch?.pendingValue(version.row) { return pending }
        do {
            return try loader.value(of: self.id, row: version.row)
        } catch {
            throw .backend(error)
        }
    }

    private static func order(_ a: Int64, _ b: Int64) -> Int { a < b ? -1 : (a > b ? 1 : 0) }
}
