/// Loads values that the index only points to, on a thread that may block.
package protocol ValueLoader {
    func value(of tenant: TenantID, row: RowID) throws(BackendError) -> Bytes
}

/// An answer to a ``RangeRequest`` in the making: what it will hold is settled, and the pairs can be
/// walked as often and in as small slices as one likes, without their values.
///
/// It keeps the index as it was when the read began, so what it walks does not change. The rows its
/// versions point to stay only while the reader is registered with the engine.
package struct RangeRead: Sendable {
    /// The store's revision at the read.
    package let headerRevision: Int64
    /// The revision read at.
    package let revision: Int64
    /// Keys in the range, limit and filters aside.
    package let count: Int64
    package let keysOnly: Bool

    private let source: Source
    /// Pairs to answer with, or `Int.max`.
    private let limit: Int

    private enum Source: Sendable {
        /// The range in key order, as the index has it.
        case index(KeyIndex, KeyRange, at: Int64?, Filter?)
        /// Sorted otherwise; already cut to the limit.
        case sorted([KeyValue], more: Bool)
        /// Only the count was wanted.
        case none
    }

    /// Settles what a range request is answered with.
    /// - Parameter loader: where values come from when the request sorts by them.
    /// - Throws: ``RequestError/futureRevision``, ``RequestError/compacted``, and
    ///   ``RequestError/backend(_:)`` when a value to sort by cannot be loaded.
    /// - Complexity: O(log *n*) at the latest revision without sort; else O(keys in range).
    /// - Source: etcd `server/etcdserver/txn/range.go`.
    package init(
        _ request: RangeRequest,
        of state: TenantState,
        loader: some ValueLoader
    ) throws(RequestError) {
        guard request.revision <= state.revision else { throw .futureRevision }
        guard request.revision <= 0 || request.revision >= state.compactRevision else {
            throw .compacted
        }
        self.init(unchecked: request, of: state)
        if Self.needsSort(request) {
            try self.sort(request, state: state, loader: loader)
        }
    }

    private init(unchecked request: RangeRequest, of state: TenantState) {
        let isLatest = request.revision <= 0 || request.revision == state.revision
        let at: Int64? = isLatest ? nil : request.revision
        self.headerRevision = state.revision
        self.revision = isLatest ? state.revision : request.revision
        self.keysOnly = request.keysOnly
        if let at {
            self.count = Int64(state.index.count(in: request.range, at: at))
        } else {
            self.count = Int64(state.index.count(in: request.range))
        }
        self.limit = request.limit > 0 ? Int(clamping: request.limit) : .max
        if request.countOnly {
            self.source = .none
        } else {
            self.source = .index(state.index, request.range, at: at, Filter(request))
        }
    }

    private init(_ other: RangeRead, sorted: [KeyValue], more: Bool) {
        self.headerRevision = other.headerRevision
        self.revision = other.revision
        self.keysOnly = other.keysOnly
        self.count = other.count
        self.limit = other.limit
        self.source = .sorted(sorted, more: more)
    }

    /// Whether keys are left out because of the limit.
    /// - Complexity: O(1), or O(keys in range) with revision filters and a limit.
    package var more: Bool {
        switch self.source {
        case .none: return false
        case .sorted(_, let more): return more
        case .index(let index, let range, let at, let filter):
            guard self.limit != .max else { return false }
            guard let filter else { return self.count > Int64(self.limit) }
            var matches = 0
            index.forEach(in: range, at: at) { _, version in
                if filter.admits(version) { matches += 1 }
                return matches <= self.limit
            }
            return matches > self.limit
        }
    }

    /// Where a walk goes on.
    package struct Position: Sendable {
        fileprivate var done = 0
        fileprivate var after: Bytes?

        package init() {}
    }

    /// Walks the pairs of the answer from `position`, until `body` returns false or they end; the
    /// pair for which `body` returns false is the next walk's first.
    /// - Returns: whether the end was reached.
    package func walk(
        from position: inout Position,
        _ body: (_ key: Bytes, _ version: Version) -> Bool
    ) -> Bool {
        switch self.source {
        case .none:
            return true
        case .sorted(let pairs, _):
            while position.done < pairs.count {
                let pair = pairs[position.done]
                guard body(pair.key, self.shown(pair.version)) else { return false }
                position.done += 1
            }
            return true
        case .index(let index, let range, let at, let filter):
            var done = position.done
            var last = position.after
            var isStopped = false
            let limit = self.limit
            guard done < limit else { return true }
            let rest = last.map { range.after($0) } ?? range
            guard let rest else { return true }
            index.forEach(in: rest, at: at) { key, version in
                if let filter, !filter.admits(version) { return true }
                guard body(key, self.shown(version)) else {
                    isStopped = true
                    return false
                }
                last = key
                done += 1
                return done < limit
            }
            position.done = done
            position.after = last
            return !isStopped
        }
    }

    /// The whole answer, without values.
    /// - Complexity: O(pairs).
    package func result() -> RangeResult {
        var kvs: [KeyValue] = []
        var position = Position()
        _ = self.walk(from: &position) { key, version in
            kvs.append(KeyValue(key: key, version: version, value: nil))
            return true
        }
        return RangeResult(
            headerRevision: self.headerRevision,
            kvs: kvs,
            more: self.more,
            count: self.count,
            keysOnly: self.keysOnly
        )
    }

    /// A version as the answer shows it: etcd 3.7 answers `keys_only` from its index, which has no
    /// lease, unless it had to fetch the values to sort by.
    private func shown(_ version: Version) -> Version {
        guard self.keysOnly, case .index = self.source else { return version }
        var shown = version
        shown.lease = .none
        return shown
    }

    // MARK: Sorting

    private static func needsSort(_ request: RangeRequest) -> Bool {
        guard !request.countOnly else { return false }
        if request.sortTarget != .key { return true }
        return request.sortOrder == .descend
    }

    /// etcd quirk: without a sort order but with a target other than the key, the first pairs *in
    /// key order* are taken, up to the limit, and those are sorted ascending.
    private mutating func sort(
        _ request: RangeRequest,
        state: TenantState,
        loader: some ValueLoader
    ) throws(RequestError) {
        let fetchesAll = request.sortOrder != .none || Filter(request) != nil
        let fetchMax = fetchesAll || self.limit == .max ? Int.max : self.limit
        var pairs: [KeyValue] = []
        if case .index(let index, let range, let at, let filter) = self.source {
            index.forEach(in: range, at: at) { key, version in
                if let filter, !filter.admits(version) { return true }
                // One beyond the limit is fetched, sorted with the rest and then cut off.
                if pairs.count > fetchMax { return false }
                pairs.append(KeyValue(key: key, version: version, value: nil))
                return true
            }
        }
        if request.sortTarget == .value {
            for place in pairs.indices {
                pairs[place].value = try Self.load(
                    pairs[place].version,
                    of: state.id,
                    loader: loader
                )
            }
        } else if request.keysOnly {
            for place in pairs.indices { pairs[place].version.lease = .none }
        }
        let isDescending = request.sortOrder == .descend
        let target = request.sortTarget
        pairs.sort { a, b in
            let order = Self.order(a, b, by: target)
            return isDescending ? order > 0 : order < 0
        }
        let more = pairs.count > self.limit
        if more { pairs.removeLast(pairs.count - self.limit) }
        for place in pairs.indices { pairs[place].value = nil }
        self = RangeRead(self, sorted: pairs, more: more)
    }

    private static func load(
        _ version: Version,
        of tenant: TenantID,
        loader: some ValueLoader
    ) throws(RequestError) -> Bytes {
        guard version.valueSize > 0 else { return [] }
        do {
            return try loader.value(of: tenant, row: version.row)
        } catch {
            throw .backend(error)
        }
    }

    /// How two pairs are ordered by a field: less than 0, 0, or more, for ascending, equal, descending.
    package static func order(
        _ a: KeyValue,
        _ b: KeyValue,
        by target: RangeRequest.SortTarget
    ) -> Int {
        switch target {
        case .key: compareBytes(a.key, b.key)
        case .version: self.order(a.version.version, b.version.version)
        case .createRevision: self.order(a.version.createRevision, b.version.createRevision)
        case .modRevision: self.order(a.version.modRevision, b.version.modRevision)
        case .value: compareBytes(a.value ?? [], b.value ?? [])
        }
    }

    private static func order(_ a: Int64, _ b: Int64) -> Int { a < b ? -1 : (a > b ? 1 : 0) }

    /// The revision bounds of a request; nil when it has none.
    private struct Filter: Sendable {
        private let modRevisions: ClosedRange<Int64>?
        private let createRevisions: ClosedRange<Int64>?

        init?(_ request: RangeRequest) {
            guard
                request.minModRevision != 0 || request.maxModRevision != 0
                    || request.minCreateRevision != 0 || request.maxCreateRevision != 0
            else { return nil }
            self.modRevisions = Self.bounds(request.minModRevision, request.maxModRevision)
            self.createRevisions = Self.bounds(
                request.minCreateRevision,
                request.maxCreateRevision
            )
        }

        func admits(_ version: Version) -> Bool {
            guard let modRevisions, let createRevisions else { return false }
            return modRevisions.contains(version.modRevision)
                && createRevisions.contains(version.createRevision)
        }

        /// Inclusive bounds, 0 for none; nil when nothing can be within them.
        private static func bounds(_ least: Int64, _ most: Int64) -> ClosedRange<Int64>? {
            let lower = least == 0 ? Int64.min : least
            let upper = most == 0 ? Int64.max : most
            return lower <= upper ? lower...upper : nil
        }
    }
}

extension KeyRange {
    /// The part of the range beyond `key`, or nil when there is none.
    package func after(_ key: Bytes) -> KeyRange? {
        // The next possible key after `key` is `key` with a zero byte appended.
        let next = key + [0]
        switch self {
        case .key: return nil
        case .interval(_, let end):
            return compareBytes(next, end) < 0 ? .interval(start: next, end: end) : nil
        case .from: return .from(start: next)
        }
    }
}
