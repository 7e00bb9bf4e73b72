import ByreCore
import EtcdAPI
import Engine
import GRPC

// Changes that an administrator makes: within one prefix they are the tenant's, checks and limits
// included.
extension EtcdServer {
    func rawPut(_ message: RawSpan, _ call: ServerCall) {
        let request: PutRequest
        do throws(WireError) {
            request = try PutRequest(decoding: message)
        } catch {
            return call.fail(Status(error))
        }
        guard let prefix = self.enter([.key(request.key)], call) else { return }
        let own = request.own(prefix)
        self.submit(.put(own), messageBytes: message.byteCount, of: call) { () throws(EtcdError) in
            try RequestValidation.check(own)
        } answer: { server, tenant, outcome in
            guard case .put(let result) = outcome else { preconditionFailure("a put was sent") }
            return server.framed(result.raw(prefix), tenant, at: result.headerRevision)
        }
    }

    func rawDeleteRange(_ message: RawSpan, _ call: ServerCall) {
        let request: DeleteRangeRequest
        do throws(WireError) {
            request = try DeleteRangeRequest(decoding: message)
        } catch {
            return call.fail(Status(error))
        }
        guard let prefix = self.enter([request.range], call) else { return }
        // The first raw key of a tenant is its prefix, which is no key of the tenant's own.
        let own = request.own(prefix).fromTheFirstKey
        self.submit(.deleteRange(own), messageBytes: message.byteCount, of: call) {
            () throws(EtcdError) in
            try RequestValidation.check(own)
        } answer: { server, tenant, outcome in
            guard case .deleteRange(let result) = outcome else {
                preconditionFailure("a deletion was sent")
            }
            return server.framed(result.raw(prefix), tenant, at: result.headerRevision)
        }
    }

    func rawTxn(_ message: RawSpan, _ call: ServerCall) {
        let wire: WireTxn
        do throws(WireError) {
            wire = try WireTxn(decoding: message)
        } catch {
            return call.fail(Status(error))
        }
        do throws(EtcdError) {
            try RequestValidation.check(wire, opsMax: self.settings.maxTxnOps)
        } catch {
            return call.fail(Status(error))
        }
        guard let prefix = self.enter(wire.txn.ranges, call) else { return }
        let own = wire.txn.own(prefix)
        // The prefix itself is no key of the tenant.
        guard !own.ranges.contains(.key([])) else {
            return call.fail(Status(EtcdError.keyNotProvided))
        }
        let tenant = self.tenant(of: call)
        let answer = { @Sendable (result: TxnResult) -> FramedMessage in
            self.framed(result.raw(prefix), tenant, at: result.headerRevision)
        }
        guard !own.isReadOnly else {
            guard self.isShared, !own.isSerializable else {
                return self.read(own, tenant, call, answer: answer)
            }
            return self.whenCurrent(tenant, call) { self.read(own, tenant, call, answer: answer) }
        }
        self.submit(.txn(own), messageBytes: message.byteCount, of: call) { _, _, outcome in
            guard case .txn(let result) = outcome else {
                preconditionFailure("a transaction was sent")
            }
            return answer(result)
        }
    }
}

extension DeleteRangeRequest {
    /// The same without the empty key, which is nobody's.
    fileprivate var fromTheFirstKey: DeleteRangeRequest {
        var request = self
        switch self.range {
        case .interval(let start, let end) where start.isEmpty:
            request.range = .interval(start: [0], end: end)
        case .from(let start) where start.isEmpty: request.range = .from(start: [0])
        default: break
        }
        return request
    }
}
