import ByreCore
import EtcdAPI
import GRPC

extension EtcdServer {
    /// `KV/DeleteRange`: deletes the keys of a range.
    func deleteRange(_ message: RawSpan, _ call: ServerCall) {
        let request: DeleteRangeRequest
        do throws(WireError) {
            request = try DeleteRangeRequest(decoding: message)
        } catch {
            call.fail(Status(error))
            return
        }
        self.submit(.deleteRange(request), messageBytes: message.byteCount, of: call) {
            () throws(EtcdError) in
            try RequestValidation.check(request)
        } answer: { server, tenant, outcome in
            guard case .deleteRange(let result) = outcome else {
                preconditionFailure("a deletion was sent")
            }
            return server.framed(result, tenant, at: result.headerRevision)
        }
    }
}
