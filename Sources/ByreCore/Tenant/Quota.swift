/// What a tenant may hold, and what an operation counts for against it.
///
/// Whatever is exceeded, deletions, compaction and renewals of leases go on.
/// - Source: etcd `server/storage/quota.go`.
package struct Quota: Hashable, Sendable {
    /// Bytes, or nil for no limit.
    package var bytes: Int64?
    package var mode: TenantLimits.SpaceMode
    /// Live keys.
    package var keys: Int64?
    /// Bytes of one value.
    package var valueBytes: Int64?
    package var leases: Int64?

    /// A limit on bytes alone, by etcd's rule unless said otherwise.
    package init(bytes: Int64?, mode: TenantLimits.SpaceMode = .strict) {
        self.bytes = bytes
        self.mode = mode
    }

    /// What a tenant's limits come to on a server with a default of its own for bytes.
    package init(_ limits: TenantLimits, default standard: Quota) {
        self.bytes = limits.bytes ?? standard.bytes
        self.mode = limits.spaceMode
        self.keys = limits.keys
        self.valueBytes = limits.valueBytes
        self.leases = limits.leases
    }

    /// etcd's default, 2 GiB.
    package static let `default` = Quota(bytes: 2_147_483_648)

    static let putOverhead = 256
    static let leaseGrantCost = 64

    /// Whether etcd would let `cost` more bytes be written to `state`. A cost of 0 always may be.
    ///
    /// In headroom mode that is not the question: what a write needs depends on the keys it finds.
    package func admits(cost: Int, to state: TenantState) -> Bool {
        guard cost > 0, self.mode == .strict, let bytes else { return true }
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

// MARK: Headroom

/// Headroom is a limit on what is held now, history included (``TenantState/usedBytes``), so that it
/// falls as compaction proceeds:
///
/// ```
///            0 ─────────────── clearance ── bytes ────────── bytes + reserve
/// creates      yes            │ unless alarmed │ no, alarm      │ no
/// updates      yes            │ yes            │ yes            │ no
/// ```
///
/// An update is a write of keys that exist: a node renews its lease, an object its status. A
/// transaction is judged by the path it takes, as one: if it creates a key, all that it puts is a
/// create. What it deletes makes no room for it, since history keeps that.
extension Quota {
    /// Least reserve for updates, in bytes.
    static let reserveMin: Int64 = 1 << 20
    /// The reserve is one part in this many of the limit.
    static let reserveDivisor: Int64 = 10
    /// The alarm is cleared, and raised again, only across one part in this many of the limit.
    static let clearanceDivisor: Int64 = 20

    /// Bytes that updates may go to in headroom mode.
    private static func ceiling(of bytes: Int64) -> Int64 {
        let reserve = max(bytes / self.reserveDivisor, self.reserveMin)
        return bytes.addingReportingOverflow(reserve).overflow ? .max : bytes + reserve
    }

    /// Usage at which the alarm is cleared in headroom mode.
    private static func clearance(of bytes: Int64) -> Int64 {
        bytes - bytes / self.clearanceDivisor
    }

    /// Whether, in headroom mode, a write that adds `growth` bytes may be made.
    func hasHeadroom(for growth: Int64, isCreate: Bool, in state: TenantState) -> Bool {
        guard self.mode == .headroom, let bytes else { return true }
        let after = state.usedBytes + growth
        guard isCreate else { return after <= Self.ceiling(of: bytes) }
        return !state.hasAlarm(.noSpace) && after <= bytes
    }

    /// Whether, in headroom mode, refusing a create means that the tenant is full, rather than that
    /// this one create is too large for what is left.
    func isFull(_ state: TenantState) -> Bool {
        guard self.mode == .headroom, let bytes else { return false }
        return state.usedBytes > Self.clearance(of: bytes)
    }

    /// Whether the tenant's own NOSPACE alarm has nothing to say any more: headroom mode, and usage
    /// fell, or the limit rose.
    package func mayClearAlarm(of state: TenantState) -> Bool {
        guard self.mode == .headroom, state.alarms.contains(state.noSpaceAlarm) else {
            return false
        }
        return !self.isFull(state)
    }
}
