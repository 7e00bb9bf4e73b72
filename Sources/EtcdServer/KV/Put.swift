import ByreCore
import EtcdAPI
import GRPC

extension EtcdServer {
    /// `KV/Put`: writes one key.
    func put(_ message: RawSpan, _ call: ServerCall) {
        let request: PutRequest
        do throws(WireError) {
            request = try PutRequest(decoding: message)
        } catch {
            call.fail(Status(error))
            return
        }
        self.submit(.put(request), messageBytes: message.byteCount, of: call) {
            () throws(EtcdError) in
            try RequestValidation.check(request)
        } answer: { server, tenant, outcome in
            guard case .put(let result) = outcome else { preconditionFailure("a put was sent") }
            return server.framed(result, tenant, at: result.headerRevision)
        }
    }
}
