import ByreCore
import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// `Lease/LeaseGrant`: begins a lease.
    func leaseGrant(_ message: RawSpan, _ call: ServerCall) {
        let request: LeaseGrantRequest
        do throws(WireError) {
            request = try LeaseGrantRequest(decoding: message)
        } catch {
            call.fail(Status(error))
            return
        }
        let operation = Operation.leaseGrant(
            id: request.id,
            ttlSeconds: request.ttlSeconds,
            minTTLSeconds: self.store.configuration.minLeaseTTLSeconds,
            candidate: .random(in: 1...Int64.max)
        )
        self.submit(operation, messageBytes: message.byteCount, of: call) {
            server,
            tenant,
            outcome in
            guard case .leaseGranted(let id, let ttl, let revision) = outcome else {
                preconditionFailure("a grant was sent")
            }
            return server.framed(
                LeaseTTLResponse(id: id, ttlSeconds: ttl),
                tenant,
                at: revision
            )
        }
    }
}
