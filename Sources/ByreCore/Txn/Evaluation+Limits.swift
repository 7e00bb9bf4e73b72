extension Evaluation {
    /// Refuses what the alarms forbid, and what etcd's quota has no room for.
    ///
    /// In headroom mode the NOSPACE alarm forbids nothing by itself; see ``Quota``.
    /// - Source: etcd `server/etcdserver/apply`, `capped.go`, `corrupt.go`, `quota.go`.
    mutating func admit(_ operation: Operation, batch: Batch) throws(RequestError) {
        if self.state.hasAlarm(.corrupt) {
            switch operation {
            case .put, .deleteRange, .txn, .compact, .leaseGrant, .leaseRevoke:
                throw .corruptAlarm
            case .alarmActivate, .alarmDeactivate, .defragment: break
            }
        }
        let cost = Quota.cost(of: operation)
        guard cost > 0 else { return }
        switch self.quota.mode {
        case .strict:
            guard !self.state.hasAlarm(.noSpace) else { throw .noSpace }
            guard self.quota.admits(cost: cost, to: self.state) else {
                self.raise(self.state.noSpaceAlarm, batch: batch)
                throw .noSpace
            }
        case .headroom:
            if self.quota.mayClearAlarm(of: self.state) {
                self.clear(self.state.noSpaceAlarm, batch: batch)
            }
        }
    }

    /// Refuses a put that goes beyond what the tenant may hold.
    func checkRoom(for put: PutRequest) throws(RequestError) {
        guard self.quota.looksAtKeys else { return }
        var need = Need()
        try self.add(put, to: &need)
        try self.check(need)
    }

    /// Refuses a transaction whose path goes beyond what the tenant may hold. What it deletes makes
    /// no room for what it puts.
    /// - Parameter path: which branch is taken, of it and of each transaction nested in what is
    ///   taken, in order.
    func checkRoom(for txn: Txn, path: [Bool]) throws(RequestError) {
        guard self.quota.looksAtKeys else { return }
        var need = Need()
        var step = 0
        try self.add(txn, path: path, step: &step, to: &need)
        try self.check(need)
    }

    /// Refuses one more lease.
    func checkRoomForLease() throws(RequestError) {
        if let limit = self.quota.leases, self.state.leases.count >= limit { throw .tooManyLeases }
        let growth = Int64(Quota.leaseGrantCost)
        guard self.quota.hasHeadroom(for: growth, isCreate: true, in: self.state) else {
            throw .noSpace
        }
    }

    /// What some puts ask of the tenant's room.
    private struct Need {
        var growth: Int64 = 0
        /// Keys that are not live.
        var created: Set<Bytes> = []
    }

    private func add(_ put: PutRequest, to need: inout Need) throws(RequestError) {
        if let limit = self.quota.valueBytes, put.value.count > limit { throw .valueTooLarge }
        let latest = self.state.index.latest(of: put.key)
        let live = latest.flatMap { $0.isTombstone ? nil : $0 }
        let valueSize =
            put.ignoreValue ? live?.valueSize ?? 0 : UInt32(clamping: put.value.count)
        need.growth += StoredSize.version(keyCount: put.key.count, valueSize: valueSize)
        if live == nil { need.created.insert(put.key) }
    }

    private func add(
        _ txn: Txn,
        path: [Bool],
        step: inout Int,
        to need: inout Need
    ) throws(RequestError) {
        let ops = path[step] ? txn.success : txn.failure
        step += 1
        for op in ops {
            switch op {
            case .put(let put): try self.add(put, to: &need)
            case .txn(let nested): try self.add(nested, path: path, step: &step, to: &need)
            case .range, .deleteRange: break
            }
        }
    }

    private func check(_ need: Need) throws(RequestError) {
        let created = need.created.count
        if let limit = self.quota.keys, created > 0,
            Int64(self.state.index.liveCount) + Int64(created) > limit
        {
            throw .tooManyKeys
        }
        guard need.growth > 0 else { return }
        guard
            self.quota.hasHeadroom(for: need.growth, isCreate: created > 0, in: self.state)
        else { throw .noSpace }
    }
}

extension Quota {
    /// Whether a limit depends on the keys that a write finds, or on its values.
    fileprivate var looksAtKeys: Bool {
        self.mode == .headroom && self.bytes != nil || self.keys != nil || self.valueBytes != nil
    }
}
