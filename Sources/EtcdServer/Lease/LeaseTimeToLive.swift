import ByreCore
import EtcdAPI
import Engine
import GRPC
import Tenancy

extension EtcdServer {
    /// `Lease/LeaseTimeToLive`: what a lease has left, and its keys. A lease that is not there has -1.
    func leaseTimeToLive(_ message: RawSpan, _ call: ServerCall) {
        let request: LeaseTimeToLiveRequest
        do throws(WireError) {
            request = try LeaseTimeToLiveRequest(decoding: message)
        } catch {
            call.fail(Status(error))
            return
        }
        let tenant = self.tenant(of: call)
        self.pace(1, of: .reads, tenant, call) { self.timeToLive(request, tenant, call) }
    }

    private func timeToLive(
        _ request: LeaseTimeToLiveRequest,
        _ tenant: TenantStore,
        _ call: ServerCall
    ) {
        let state = tenant.snapshot.state
        var response = LeaseTimeToLiveResponse(
            id: request.id,
            ttlSeconds: -1,
            grantedTTLSeconds: 0,
            keys: []
        )
        if let remaining = tenant.remaining(request.id, now: self.store.clock.now()),
            let lease = state.leases[request.id]
        {
            response.ttlSeconds = remaining / 1_000_000_000
            response.grantedTTLSeconds = lease.ttlSeconds
            if request.keys { response.keys = Array(lease.keys) }
        }
        self.reply(self.framed(response, tenant, at: state.revision), tenant, to: call)
    }
}
