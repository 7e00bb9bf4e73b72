import ByreCore
import EtcdAPI
import GRPC

extension EtcdServer {
    /// `Lease/LeaseRevoke`: ends a lease and deletes its keys, as one revision.
    func leaseRevoke(_ message: RawSpan, _ call: ServerCall) {
        let request: LeaseIDRequest
        do throws(WireError) {
            request = try LeaseIDRequest(decoding: message)
        } catch {
            call.fail(Status(error))
            return
        }
        self.submit(.leaseRevoke(request.id), messageBytes: message.byteCount, of: call) {
            server,
            tenant,
            outcome in
            guard case .leaseRevoked(let revision) = outcome else {
                preconditionFailure("a revocation was sent")
            }
            return server.framed(HeaderResponse(), tenant, at: revision)
        }
    }
}
