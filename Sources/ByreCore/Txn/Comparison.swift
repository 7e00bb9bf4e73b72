/// Decides the comparisons of a transaction on one state.
/// - Source: etcd `server/etcdserver/txn/txn.go`, `compareToPath`, `applyCompare`.
struct Comparison<Loader: ValueLoader> {
    let state: TenantState
    let loader: Loader

    /// Appends to `path` which branch is taken, in depth-first order over the branches taken.
    func decide(_ txn: Txn, path: inout [Bool]) throws(RequestError) {
        var holds = true
        for compare in txn.compare where holds { holds = try self.holds(compare) }
        path.append(holds)
        for op in holds ? txn.success : txn.failure {
            if case .txn(let nested) = op { try self.decide(nested, path: &path) }
        }
    }

    /// Whether every key of the range satisfies the comparison. A range without keys is compared as
    /// one key of all zeros; a comparison of values then fails.
    private func holds(_ compare: Compare) throws(RequestError) -> Bool {
        var failure: RequestError?
        var holds = true
        var isMissing = true
        let check = { (version: Version) -> Bool in
            do throws(RequestError) {
                holds = try self.holds(compare, of: version)
            } catch {
                failure = error
                holds = false
            }
            return holds
        }
        switch compare.range {
        case .key(let key):
            if let version = self.state.index.latest(of: key), !version.isTombstone {
                isMissing = false
                _ = check(version)
            }
        case .interval, .from:
            self.state.index.forEach(in: compare.range, at: nil) { _, version in
                isMissing = false
                return check(version)
            }
        }
        if let failure { throw failure }
        guard isMissing else { return holds }
        if case .value = compare.operand { return false }
        return try self.holds(
            compare,
            of: .tombstone(at: Revision(main: 0, sub: 0), row: RowID(rawValue: 0))
        )
    }

    private func holds(
        _ compare: Compare,
        of version: Version
    ) throws(RequestError) -> Bool {
        let order: Int
        switch compare.operand {
        case .version(let wanted): order = Self.order(version.version, wanted)
        case .createRevision(let wanted): order = Self.order(version.createRevision, wanted)
        case .modRevision(let wanted): order = Self.order(version.modRevision, wanted)
        case .lease(let wanted): order = Self.order(version.lease.rawValue, wanted)
        case .value(let wanted): order = compareBytes(try self.value(version), wanted)
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

    private func value(_ version: Version) throws(RequestError) -> Bytes {
        guard version.valueSize > 0 else { return [] }
        do {
            return try self.loader.value(of: self.state.id, row: version.row)
        } catch {
            throw .backend(error)
        }
    }

    private static func order(_ a: Int64, _ b: Int64) -> Int { a < b ? -1 : (a > b ? 1 : 0) }
}
