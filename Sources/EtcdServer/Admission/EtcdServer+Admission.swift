import ByreCore
import EtcdAPI
import Engine
import GRPC
import Tenancy

/// What counts against a tenant's rates:
///
/// - *writes*: each key put, range deleted, lease granted or revoked; in a transaction those of the
///   branch that has more of them. Compaction, alarms and keep-alives are free: they make room, or
///   cost no commit.
/// - *reads*: each range, alone or in a transaction that only reads, each look at leases, each
///   checksum. Status and MemberList are free, and so is what watches bring.
/// - *read bytes*: the answers to these, at their length, before the first byte is sent; and what
///   writes answer, afterwards.
extension EtcdServer {
    /// Lets a unary call in, unless its tenant has too many that are not answered.
    /// - Returns: false when the call was refused.
    func letIn(_ call: ServerCall) -> Bool {
        let admission = self.tenant(of: call).admission
        guard admission.isInFlightLimited else {
            admission.callBeganUnlimited()
            call.onSettled = admission.callEndedUnlimited
            return true
        }
        guard admission.callBegan() else {
            call.fail(Status(EtcdError.tooManyRequests))
            return false
        }
        call.onSettled = { admission.callEnded() }
        return true
    }

    /// Runs `body` when the tenant's rate allows it: now, later on the call's loop, or never, if the
    /// call is refused or gives up before its turn.
    /// - Parameter heldBytes: what the call holds until then.
    func pace(
        _ cost: Int,
        of meter: AdmissionQueue.Meter,
        holding heldBytes: Int = 0,
        _ tenant: TenantStore,
        _ call: ServerCall,
        _ body: @escaping () -> Void
    ) {
        let admission = tenant.admission
        guard admission.isMetered else {
            admission.did(cost, of: meter)
            return body()
        }
        switch admission.admit(
            Int64(cost),
            of: meter,
            heldBytes: heldBytes,
            now: call.loop.nanoseconds,
            deadline: Int64(clamping: call.deadline)
        ) {
        case .now:
            admission.did(cost, of: meter)
            body()
        case .refused: call.fail(Status(EtcdError.tooManyRequests))
        case .later(let delayed):
            let work: () -> Void = {
                admission.did(cost, of: meter)
                body()
            }
            DelayedCall(call, delayed, admission, work).wait()
        }
    }

    /// Answers a read, at the tenant's rate.
    func reply(_ answer: FramedMessage, _ tenant: TenantStore, to call: ServerCall) {
        guard tenant.admission.isMetered else {
            tenant.admission.did(answer.bytes.count, of: .readBytes)
            return call.reply(answer)
        }
        let length = answer.bytes.count
        self.pace(length, of: .readBytes, holding: length, tenant, call) { call.reply(answer) }
    }

    /// Counts what the answer to a write holds.
    static func charge(_ answer: FramedMessage, _ tenant: TenantStore, _ call: ServerCall) {
        tenant.admission.did(answer.bytes.count, of: .readBytes)
        guard tenant.admission.isMetered else { return }
        tenant.admission.charge(
            Int64(answer.bytes.count),
            of: .readBytes,
            now: call.loop.nanoseconds
        )
    }
}

extension LoopHandle {
    /// The clock that calls are admitted by.
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = self.now.components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}

/// A call that waits for its turn. Confined to the call's loop, which keeps it alive.
private final class DelayedCall {
    private let call: ServerCall
    private let delayed: AdmissionQueue.Delayed
    private let admission: TenantAdmission
    /// Nil once the wait is over.
    private var body: (() -> Void)?
    private var timer: LoopTimer?

    init(
        _ call: ServerCall,
        _ delayed: AdmissionQueue.Delayed,
        _ admission: TenantAdmission,
        _ body: @escaping () -> Void
    ) {
        self.call = call
        self.delayed = delayed
        self.admission = admission
        self.body = body
    }

    func wait() {
        let bound = LoopBound(self, loop: self.call.loop)
        self.timer = self.call.loop.schedule(after: .nanoseconds(self.delayed.delay)) {
            bound.value.end(isDone: true)
        }
        // Cancelled, out of time, or the connection is gone.
        self.call.onEnd = { [weak self] _ in self?.end(isDone: false) }
    }

    private func end(isDone: Bool) {
        guard let body = self.body else { return }
        self.body = nil
        self.timer?.cancel()
        self.timer = nil
        self.admission.leave(self.delayed, isDone: isDone)
        guard isDone else { return }
        self.call.onEnd = nil
        body()
    }
}

extension Txn {
    /// Keys put and ranges deleted, in the branch that has more of them; at least one.
    var writeCount: Int { max(1, Self.writeCount(self.success), Self.writeCount(self.failure)) }

    private static func writeCount(_ ops: [RequestOp]) -> Int {
        ops.reduce(0) { sum, op in
            switch op {
            case .put, .deleteRange: sum + 1
            case .txn(let nested): sum + nested.writeCount
            case .range: sum
            }
        }
    }

    /// Ranges, in the branch that has more of them; at least one.
    var readCount: Int { max(1, self.success.count, self.failure.count) }
}

extension Operation {
    /// What it counts for against the rate of writes.
    var writeCount: Int {
        switch self {
        case .put, .deleteRange, .leaseGrant, .leaseRevoke: 1
        case .txn(let txn): txn.writeCount
        case .compact, .alarmActivate, .alarmDeactivate, .defragment: 0
        }
    }
}
