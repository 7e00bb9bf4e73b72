/// Applies operations to a tenant's state, one at a time, in order.
///
/// **Invariant:** a revision is allotted in ``commitRevision()`` and nowhere else: each operation that
/// changes keys gets the next one, and one that changes nothing gets none.
/// - Source: etcd `server/etcdserver/txn/txn.go`, `server/storage/mvcc/kvstore_txn.go`.
package struct Evaluation {
    /// The state with all operations so far applied.
    package internal(set) var state: TenantState
    /// Changes of keys since the evaluation began, in order.
    package internal(set) var changes: [Change] = []
    /// Where in `changes` those of the operation under way begin.
    var firstChange = 0
    let quota: Quota

    package init(of state: TenantState, quota: Quota) {
        self.state = state
        self.quota = quota
    }

    /// Applies one operation.
    ///
    /// On an error nothing of it remains in `state`, `changes` or `batch`; the one exception is the
    /// NOSPACE alarm, which a write beyond the quota raises.
    package mutating func apply(
        _ operation: Operation,
        batch: Batch,
        loader: some ValueLoader
    ) throws(RequestError) -> Outcome {
        try self.admit(operation, batch: batch)
        do throws(RequestError) {
            return try self.run(operation, batch: batch, loader: loader)
        } catch {
            if error == .noSpace, self.quota.isFull(self.state) {
                self.raise(self.state.noSpaceAlarm, batch: batch)
            }
            throw error
        }
    }

    private mutating func run(
        _ operation: Operation,
        batch: Batch,
        loader: some ValueLoader
    ) throws(RequestError) -> Outcome {
        switch operation {
        case .put(let put):
            try self.checkRoom(for: put)
            return try self.change(batch, mayFailHalfway: false) {
                evaluation throws(RequestError) in
                try evaluation.check(put)
                return .put(try evaluation.put(put, batch: batch, loader: loader))
            }
        case .deleteRange(let request):
            return try self.change(batch, mayFailHalfway: false) {
                evaluation throws(RequestError) in
                .deleteRange(evaluation.deleteRange(request, batch: batch))
            }
        case .txn(let txn):
            return try self.change(batch, mayFailHalfway: txn.loadsValues) {
                evaluation throws(RequestError) in
                .txn(try evaluation.txn(txn, batch: batch, loader: loader))
            }
        case .leaseRevoke(let id):
            guard self.state.leases.contains(id) else { throw .leaseNotFound }
            return try self.change(batch, mayFailHalfway: false) {
                evaluation throws(RequestError) in
                evaluation.revoke(id, batch: batch)
                return .leaseRevoked(headerRevision: evaluation.currentRevision)
            }
        case .leaseGrant(let id, let ttl, let minTTL, let candidate):
            return try self.grant(
                id,
                ttlSeconds: ttl,
                minTTLSeconds: minTTL,
                candidate: candidate,
                batch: batch
            )
        case .compact(let revision):
            guard revision > self.state.compactRevision else { throw .compacted }
            guard revision <= self.state.revision else { throw .futureRevision }
            self.state.compactRevision = revision
            self.state.sequence += 1
            return .compacted(headerRevision: self.state.revision)
        case .alarmActivate(let alarm):
            self.raise(alarm, batch: batch)
            return .alarm(isNamed: true, headerRevision: self.state.revision)
        case .alarmDeactivate(let alarm):
            return .alarm(
                isNamed: self.clear(alarm, batch: batch),
                headerRevision: self.state.revision
            )
        case .defragment:
            self.state.allocatedBytes = self.state.usedBytes
            self.state.sequence += 1
            return .defragmented
        }
    }

    /// Runs an operation that may change keys, as one revision.
    /// - Parameter mayFailHalfway: whether `body` may throw after its first change (only when it has
    ///   to load values). The state is kept then, to come back to, at the price of copying each node
    ///   of the index that is touched; otherwise `body` throws before it changes anything.
    private mutating func change(
        _ batch: Batch,
        mayFailHalfway: Bool,
        _ body: (inout Evaluation) throws(RequestError) -> Outcome
    ) throws(RequestError) -> Outcome {
        let before = mayFailHalfway ? self.state : nil
        let mark = batch.mark
        self.firstChange = self.changes.count
        do {
            let outcome = try body(&self)
            self.commitRevision()
            return outcome
        } catch {
            if let before {
                self.state = before
                self.changes.removeLast(self.changes.count - self.firstChange)
                batch.rewind(to: mark)
            }
            precondition(self.changes.count == self.firstChange, "a failed operation left changes")
            throw error
        }
    }

    /// The revision that the operation under way writes at.
    var writeRevision: Int64 { self.state.revision + 1 }

    /// The revision that a read within the operation under way sees: that of its own changes once
    /// there are some.
    var currentRevision: Int64 {
        self.changes.count > self.firstChange ? self.writeRevision : self.state.revision
    }

    private mutating func commitRevision() {
        guard self.changes.count > self.firstChange else { return }
        self.state.revision += 1
        self.state.sequence += 1
    }

    mutating func raise(_ alarm: Alarm, batch: Batch) {
        guard self.state.alarms.insert(alarm).inserted else { return }
        self.state.sequence += 1
        batch.append(.raise(self.state.id, alarm))
    }

    /// - Returns: whether it was raised.
    @discardableResult
    mutating func clear(_ alarm: Alarm, batch: Batch) -> Bool {
        guard self.state.alarms.remove(alarm) != nil else { return false }
        self.state.sequence += 1
        batch.append(.clear(self.state.id, alarm))
        return true
    }

    private mutating func grant(
        _ id: LeaseID,
        ttlSeconds: Int64,
        minTTLSeconds: Int64,
        candidate: Int64,
        batch: Batch
    ) throws(RequestError) -> Outcome {
        try self.checkRoomForLease()
        guard ttlSeconds <= Lease.maxTTLSeconds else { throw .leaseTTLTooLarge }
        var chosen = id
        if id == .none {
            var next = candidate & Int64.max
            while next == 0 || self.state.leases.contains(LeaseID(rawValue: next)) {
                next = (next &+ 1) & Int64.max
            }
            chosen = LeaseID(rawValue: next)
        }
        guard !self.state.leases.contains(chosen) else { throw .leaseExists }
        let ttl = max(ttlSeconds, minTTLSeconds)
        self.state.leases.grant(chosen, ttlSeconds: ttl)
        self.state.sequence += 1
        batch.append(
            .grant(self.state.id, LeaseRecord(id: chosen, ttlSeconds: ttl))
        )
        return .leaseGranted(chosen, ttlSeconds: ttl, headerRevision: self.state.revision)
    }
}

/// Bounds on leases.
package enum Lease {
    /// Longest time to live that may be asked for.
    /// - Source: etcd `server/lease/lessor.go`, `MaxLeaseTTL`.
    package static let maxTTLSeconds: Int64 = 9_000_000_000
}
