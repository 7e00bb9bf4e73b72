import ByreCore
import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// `Lease/LeaseLeases`: all leases, the next to expire first.
    func leaseLeases(_ message: RawSpan, _ call: ServerCall) {
        let tenant = self.tenant(of: call)
        let response = LeaseLeasesResponse(leases: tenant.leasesByRemaining())
        call.reply(self.framed(response, tenant, at: tenant.snapshot.state.revision))
    }
}
