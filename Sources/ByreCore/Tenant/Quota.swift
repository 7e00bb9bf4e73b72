/// A tenant's space limit and what an operation counts for against it.
/// - Source: etcd `server/storage/quota.go`.
package struct Quota: Hashable, Sendable {
    /// Bytes, or nil for no limit.
    package var bytes: Int64?

    package init(bytes: Int64?) {
        self.bytes = bytes
    }

    /// etcd's default, 2 GiB.
    package static let `default` = Quota(bytes: 2_147_483_648)

    static let putOverhead = 256
    static let leaseGrantCost = 64

    /// Whether `cost` more bytes may be written to `state`. A cost of 0 always may.
    package func admits(cost: Int, to state: TenantState) -> Bool {
        guard cost > 0, let bytes else { return true }
        return state.allocatedBytes + Int64(cost) < bytes
    }

    package static func cost(of operation: Operation) -> Int {
        switch operation {
        case .put(let put): self.cost(of: put)
        case .txn(let txn): self.cost(of: txn)
        case .leaseGrant: self.leaseGrantCost
        case .deleteRange, .compact, .leaseRevoke, .alarmActivate, .alarmDeactivate, .defragment: 0
        }
    }

    private static func cost(of put: PutRequest) -> Int {
        self.putOverhead + put.key.count + put.value.count
    }

    /// The dearer of the two branches.
    private static func cost(of txn: Txn) -> Int {
        max(self.cost(of: txn.success), self.cost(of: txn.failure))
    }

    private static func cost(of ops: [RequestOp]) -> Int {
        ops.reduce(0) { sum, op in
            switch op {
            case .put(let put): sum + self.cost(of: put)
            case .txn(let txn): sum + self.cost(of: txn)
            case .range, .deleteRange: sum
            }
        }
    }
}
