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
        self.pace(1, of: .reads, tenant, call) {
            guard self.isShared else {
                let remaining = tenant.remaining(request.id, now: self.store.clock.now())
                return self.timeToLive(request, remaining, tenant, call)
            }
            self.whenCurrent(tenant, lease: request.id, call) { remaining in
                self.timeToLive(request, remaining, tenant, call)
            }
        }
    }

    /// - Parameter remaining: what the lease has left, in nanoseconds; nil when it is not there.
    private func timeToLive(
        _ request: LeaseTimeToLiveRequest,
        _ remaining: Int64?,
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
        if let remaining, let lease = state.leases[request.id] {
            response.ttlSeconds = remaining / 1_000_000_000
            response.grantedTTLSeconds = lease.ttlSeconds
            if request.keys { response.keys = Array(lease.keys) }
        }
        self.reply(self.framed(response, tenant, at: state.revision), tenant, to: call)
    }
}
