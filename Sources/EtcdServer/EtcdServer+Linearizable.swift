import ByreCore
import Engine
import GRPC

// Reads see all that was acknowledged before they came. With one writer the published state is that by
// itself; on a shared store a read waits until it is: see `ReadBarrier`.
extension EtcdServer {
    /// Whether reads may have to wait.
    var isShared: Bool { self.store.shared != nil }

    /// Runs `body` once the tenant's snapshot is current, on the call's loop: now, later, or never, if the
    /// call is refused or gives up before.
    func whenCurrent(_ tenant: TenantStore, _ call: ServerCall, _ body: @escaping () -> Void) {
        guard self.isShared else { return body() }
        self.whenCurrent(tenant, lease: nil, call) { _ in body() }
    }

    /// The same on a shared store, with the time that a lease has left by the store's clock.
    func whenCurrent(
        _ tenant: TenantStore,
        lease: LeaseID?,
        _ call: ServerCall,
        _ body: @escaping (ReadBarrier.Remaining) -> Void
    ) {
        guard let shared = self.store.shared else { return }
        let waiting = LoopBound(WaitingRead(call, body), loop: call.loop)
        do throws(RequestError) {
            try shared.barrier.wait(for: tenant, lease: lease, on: call.loop) { result in
                waiting.value.goOn(result)
            }
        } catch {
            call.fail(Status(error))
        }
    }
}

/// A read that waits. Confined to its call's loop.
private final class WaitingRead {
    private let call: ServerCall
    private let body: (ReadBarrier.Remaining) -> Void

    init(_ call: ServerCall, _ body: @escaping (ReadBarrier.Remaining) -> Void) {
        self.call = call
        self.body = body
    }

    func goOn(_ result: Result<ReadBarrier.Remaining, RequestError>) {
        guard self.call.isOpen else { return }
        switch result {
        case .success(let remaining): self.body(remaining)
        case .failure(let error): self.call.fail(Status(error))
        }
    }
}

extension Txn {
    /// Whether it only reads, and may do so from whichever state is at hand.
    /// - Source: etcd `server/etcdserver/txn/txn.go`, `IsTxnSerializable`.
    var isSerializable: Bool {
        let isSerializable = { (op: RequestOp) in
            if case .range(let range) = op { range.serializable } else { false }
        }
        return self.success.allSatisfy(isSerializable) && self.failure.allSatisfy(isSerializable)
    }
}
