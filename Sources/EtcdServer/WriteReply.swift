import ByreCore
import EtcdAPI
import Engine
import GRPC

/// Brings the outcome of a write back to its call.
final class WriteReply: Reply {
    let executor: any ReplyExecutor
    private let call: LoopBound<ServerCall>
    private let answer: @Sendable (Outcome) -> FramedMessage

    /// - Parameter answer: encodes the outcome of the operation submitted.
    init(_ call: ServerCall, answer: @escaping @Sendable (Outcome) -> FramedMessage) {
        self.executor = call.loop
        self.call = LoopBound(call, loop: call.loop)
        self.answer = answer
    }

    func complete(_ result: Result<Outcome, RequestError>) {
        let call = self.call.value
        // Nobody is there to read the answer of a call that was reset.
        guard call.isOpen else { return }
        switch result {
        case .success(let outcome): call.reply(self.answer(outcome))
        case .failure(let error): call.fail(Status(error))
        }
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
        answer: @escaping @Sendable (Outcome) -> FramedMessage
    ) {
        let tenant = self.tenant(of: call)
        do throws(RequestError) {
            try self.checkQuota(operation, tenant)
        } catch {
            call.fail(Status(error))
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
        do throws(RequestError) {
            try self.store.submit(
                operation,
                to: tenant,
                waitsForPhysical: waitsForPhysical,
                reply: WriteReply(call, answer: answer)
            )
        } catch {
            call.fail(Status(error))
        }
    }

    /// Refuses a write that the quota has no room for, before anything else is looked at, and raises
    /// the alarm.
    private func checkQuota(
        _ operation: Operation,
        _ tenant: TenantStore
    ) throws(RequestError) {
        let cost = Quota.cost(of: operation)
        guard cost > 0 else { return }
        let state = tenant.snapshot.state
        guard !self.store.configuration.quota.admits(cost: cost, to: state) else { return }
        if !state.hasAlarm(.noSpace) {
            let alarm = Alarm(.noSpace, memberID: tenant.memberID)
            try self.store.submit(.alarmActivate(alarm), to: tenant, reply: nil)
        }
        throw .noSpace
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
