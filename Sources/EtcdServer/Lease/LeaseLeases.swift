import ByreCore
import EtcdAPI
import Engine
import GRPC
import Tenancy

extension EtcdServer {
    /// `Lease/LeaseLeases`: all leases, the next to expire first.
    func leaseLeases(_ message: RawSpan, _ call: ServerCall) {
        let tenant = self.tenant(of: call)
        self.pace(1, of: .reads, tenant, call) {
            self.whenCurrent(tenant, call) {
                let response = LeaseLeasesResponse(leases: tenant.leasesByRemaining())
                let revision = tenant.snapshot.state.revision
                self.reply(self.framed(response, tenant, at: revision), tenant, to: call)
            }
        }
    }
}
