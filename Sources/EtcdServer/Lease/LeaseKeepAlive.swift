import ByreCore
import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// `Lease/LeaseKeepAlive`: renews leases, any number on one stream.
    func leaseKeepAlive(_ call: ServerCall) -> any StreamHandler {
        guard let shared = self.store.shared else { return LeaseKeepAliveHandler(self, call) }
        return SharedKeepAliveHandler(self, shared, call)
    }
}

/// One LeaseKeepAlive stream: each request is answered with the lease's full time, or with 0 when it is
/// gone.
///
/// A lease that is expired but not yet revoked is answered once it is, as in etcd; until then its
/// stream's later answers wait behind it, so they keep their order.
final class LeaseKeepAliveHandler: StreamHandler {
    /// Requests that may wait for a revocation; one more ends the stream.
    static let waitingMax = 1_024

    private let server: EtcdServer
    private let call: ServerCall
    private let tenant: TenantStore
    /// Requests behind one that waits for a revocation.
    private var waiting: [LeaseID] = []
    private var isWaiting = false
    private var isHalfClosed = false

    init(_ server: EtcdServer, _ call: ServerCall) {
        self.server = server
        self.call = call
        self.tenant = server.tenant(of: call)
    }

    func received(_ message: RawSpan) {
        let id: LeaseID
        do throws(WireError) {
            id = try LeaseIDRequest(decoding: message).id
        } catch {
            self.call.finish(Status(error))
            return
        }
        guard self.isWaiting else {
            self.renew(id)
            return
        }
        guard self.waiting.count < Self.waitingMax else {
            self.call.finish(Status(EtcdError.tooManyRequests))
            return
        }
        self.waiting.append(id)
    }

    func halfClosed() {
        self.isHalfClosed = true
        if !self.isWaiting { self.call.finish(.ok) }
    }

    func ended(_ reason: Status) {
        self.waiting = []
    }

    func drained() {}

    private func renew(_ id: LeaseID) {
        // The header's revision is the one from before the renewal, as in etcd.
        let revision = self.tenant.snapshot.state.revision
        let handler = LoopBound(self, loop: self.call.loop)
        let renewal = self.tenant.keepAlive(id, now: self.server.store.clock.now()) {
            handler.loop.execute { handler.value.revoked(id) }
        }
        switch renewal {
        case .renewed(let ttl): self.answer(id, ttlSeconds: ttl, at: revision)
        case .notFound: self.answer(id, ttlSeconds: 0, at: revision)
        case .expired: self.isWaiting = true
        }
    }

    private func revoked(_ id: LeaseID) {
        self.isWaiting = false
        guard self.call.isOpen else { return }
        self.answer(id, ttlSeconds: 0, at: self.tenant.snapshot.state.revision)
        while !self.isWaiting, !self.waiting.isEmpty {
            self.renew(self.waiting.removeFirst())
        }
        if self.isHalfClosed, !self.isWaiting { self.call.finish(.ok) }
    }

    private func answer(_ id: LeaseID, ttlSeconds: Int64, at revision: Int64) {
        self.call.send(
            self.server.framed(
                LeaseTTLResponse(id: id, ttlSeconds: ttlSeconds),
                self.tenant,
                at: revision
            )
        )
    }
}
