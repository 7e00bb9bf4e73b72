import ByreCore
import EtcdAPI
import Engine
import GRPC
import Tenancy

/// Brings the outcome of a write back to its call.
final class WriteReply: Reply, @unchecked Sendable {
    // Sendable: what is not Sendable by itself, the call, is touched in `complete`, on the call's loop.
    let executor: any ReplyExecutor
    private let call: ServerCall
    private let server: EtcdServer
    private let tenant: TenantStore
    private let answer: Answer

    /// Encodes the outcome of an operation. Most need nothing else for that than what they are given,
    /// and then a call allocates no closure.
    typealias Answer = @Sendable (EtcdServer, TenantStore, Outcome) -> FramedMessage

    /// - Parameter answer: encodes the outcome of the operation submitted.
    init(
        _ call: ServerCall,
        _ server: EtcdServer,
        _ tenant: TenantStore,
        answer: @escaping Answer
    ) {
        self.executor = call.loop
        self.call = call
        self.server = server
        self.tenant = tenant
        self.answer = answer
    }

    func complete(_ result: Result<Outcome, RequestError>) {
        let call = self.call
        call.loop.preconditionIsCurrent()
        // Nobody is there to read the answer of a call that was reset.
        guard call.isOpen else { return }
        switch result {
        case .success(let outcome):
            let answer = self.answer(self.server, self.tenant, outcome)
            EtcdServer.charge(answer, self.tenant, call)
            call.reply(answer)
        case .failure(let error): call.fail(Status(error))
        }
    }
}

/// Ends a call with an error once an operation is done, whatever became of it.
private final class RefusalReply: Reply {
    let executor: any ReplyExecutor
    private let call: LoopBound<ServerCall>
    private let refusal: Status

    init(_ call: ServerCall, _ refusal: Status) {
        self.executor = call.loop
        self.call = LoopBound(call, loop: call.loop)
        self.refusal = refusal
    }

    func complete(_ result: Result<Outcome, RequestError>) {
        self.call.value.fail(self.refusal)
    }
}

extension EtcdServer {
    /// What etcd's envelope adds to a request before its size is compared with
    /// `--max-request-bytes`: the request's tag and length, and a header with an id.
    static let requestEnvelopeBytes = 18

    /// Queues a write for the tenant; checks first what etcd checks before it proposes one.
    ///
    /// - Parameters:
    ///   - messageBytes: length of the request on the wire.
    ///   - validate: the request's static rules; comes after the quota, as in etcd.
    func submit(
        _ operation: Operation,
        messageBytes: Int,
        of call: ServerCall,
        waitsForPhysical: Bool = false,
        validate: () throws(EtcdError) -> Void = {},
        answer: @escaping WriteReply.Answer
    ) {
        let tenant = self.tenant(of: call)
        guard self.hasSpace(for: operation, tenant) else {
            self.refuseForSpace(tenant, call)
            return
        }
        do throws(EtcdError) {
            try validate()
            guard messageBytes + Self.requestEnvelopeBytes <= self.settings.maxRequestBytes else {
                throw .requestTooLarge
            }
        } catch {
            call.fail(Status(error))
            return
        }
        let writes = operation.writeCount
        guard writes > 0, tenant.admission.isMetered else {
            tenant.admission.did(writes, of: .writes)
            self.queue(operation, tenant, call, waitsForPhysical: waitsForPhysical, answer: answer)
            return
        }
        self.pace(writes, of: .writes, holding: messageBytes, tenant, call) {
            self.queue(operation, tenant, call, waitsForPhysical: waitsForPhysical, answer: answer)
        }
    }

    private func queue(
        _ operation: Operation,
        _ tenant: TenantStore,
        _ call: ServerCall,
        waitsForPhysical: Bool,
        answer: @escaping WriteReply.Answer
    ) {
        do throws(RequestError) {
            try self.store.submit(
                operation,
                to: tenant,
                waitsForPhysical: waitsForPhysical,
                reply: WriteReply(call, self, tenant, answer: answer)
            )
        } catch {
            call.fail(Status(error))
        }
    }

    /// Whether the quota has room for a write: looked at before anything else.
    private func hasSpace(for operation: Operation, _ tenant: TenantStore) -> Bool {
        let cost = Quota.cost(of: operation)
        // On a shared store the state at hand may be old: the committer decides, on the newest.
        guard cost > 0, !self.isShared else { return true }
        return tenant.quota.admits(cost: cost, to: tenant.snapshot.state)
    }

    /// Refuses a write for want of space; the alarm is raised before the client hears of it.
    private func refuseForSpace(_ tenant: TenantStore, _ call: ServerCall) {
        let refusal = Status(EtcdError.noSpace)
        guard !tenant.snapshot.state.hasAlarm(.noSpace) else {
            call.fail(refusal)
            return
        }
        do throws(RequestError) {
            let alarm = Alarm(.noSpace, memberID: tenant.memberID)
            try self.store.submit(
                .alarmActivate(alarm),
                to: tenant,
                reply: RefusalReply(call, refusal)
            )
        } catch {
            call.fail(refusal)
        }
    }

    /// Frames an answer.
    func framed(
        _ response: some WireResponse,
        _ tenant: TenantStore,
        at revision: Int64
    ) -> FramedMessage {
        FramedMessage(
            reserved: response.encoded(
                self.header(tenant, at: revision),
                reservingPrefix: FramedMessage.prefixLength
            )
        )
    }
}
