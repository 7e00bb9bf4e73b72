import ByreCore
import DequeModule
import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// `Lease/LeaseKeepAlive`: renews leases, any number on one stream.
    func leaseKeepAlive(_ call: ServerCall) -> any StreamHandler {
        LeaseKeepAliveHandler(self, call)
    }
}

/// One LeaseKeepAlive stream: each request is answered with the lease's full time, or with 0 when it is
/// gone, in the order in which they came.
///
/// A lease that is over but not yet revoked is answered once it is, as in etcd. On a shared store
/// renewals are durable before they are answered, many at once.
final class LeaseKeepAliveHandler: StreamHandler {
    /// Requests that may wait for their answers; one more ends the stream.
    static let waitingMax = 1_024

    /// A request, and its answer once there is one.
    private struct Slot {
        let id: LeaseID
        /// The header's revision is the one from before the renewal, as in etcd.
        let revision: Int64
        var ttlSeconds: Int64?
    }

    private let server: EtcdServer
    private let call: ServerCall
    private let tenant: TenantStore
    private var slots: Deque<Slot> = []
    /// Number of the first slot since the stream began.
    private var firstSlot = 0
    private var isHalfClosed = false

    init(_ server: EtcdServer, _ call: ServerCall) {
        self.server = server
        self.call = call
        self.tenant = server.tenant(of: call)
    }

    func received(_ message: RawSpan) {
        do throws(WireError) {
            self.received(try LeaseIDRequest(decoding: message).id)
        } catch {
            self.call.finish(Status(error))
        }
    }

    func halfClosed() {
        self.isHalfClosed = true
        self.flush()
    }

    func ended(_ reason: Status) {
        self.slots = []
    }

    func drained() {}

    private func received(_ id: LeaseID) {
        guard self.slots.count < Self.waitingMax else {
            self.call.finish(Status(EtcdError.tooManyRequests))
            return
        }
        let number = self.firstSlot + self.slots.count
        self.slots.append(Slot(id: id, revision: self.tenant.snapshot.state.revision))
        guard let shared = self.server.store.shared else {
            self.renew(id, number)
            return
        }
        let handler = LoopBound(self, loop: self.call.loop)
        do throws(RequestError) {
            try shared.keeper.renew(id, of: self.tenant, on: self.call.loop) { result in
                handler.value.renewed(id, number, result)
            }
        } catch {
            self.call.finish(Status(error))
        }
    }

    // MARK: With one writer

    private func renew(_ id: LeaseID, _ number: Int) {
        let handler = LoopBound(self, loop: self.call.loop)
        let renewal = self.tenant.keepAlive(id, now: self.server.store.clock.now()) {
            handler.loop.execute { handler.value.answer(number, ttlSeconds: 0) }
        }
        switch renewal {
        case .renewed(let ttl): self.answer(number, ttlSeconds: ttl)
        case .notFound: self.answer(number, ttlSeconds: 0)
        case .expired: break
        }
    }

    // MARK: On a shared store

    private func renewed(
        _ id: LeaseID,
        _ number: Int,
        _ result: Result<LeaseRenewal, RequestError>
    ) {
        guard self.call.isOpen else { return }
        switch result {
        case .failure(let error): self.call.finish(Status(error))
        case .success(.renewed(let ttl)): self.answer(number, ttlSeconds: ttl)
        case .success(.notFound): self.answer(number, ttlSeconds: 0)
        case .success(.expired):
            let handler = LoopBound(self, loop: self.call.loop)
            let isWaiting = self.tenant.awaitRevocation(of: id) {
                handler.loop.execute { handler.value.answer(number, ttlSeconds: 0) }
            }
            if !isWaiting { self.answer(number, ttlSeconds: 0) }
        }
    }

    // MARK: Answers

    private func answer(_ number: Int, ttlSeconds: Int64) {
        let place = number - self.firstSlot
        guard self.call.isOpen, self.slots.indices.contains(place) else { return }
        self.slots[place].ttlSeconds = ttlSeconds
        self.flush()
    }

    private func flush() {
        guard self.call.isOpen else { return }
        while let slot = self.slots.first, let ttl = slot.ttlSeconds {
            self.slots.removeFirst()
            self.firstSlot += 1
            self.call.send(
                self.server.framed(
                    LeaseTTLResponse(id: slot.id, ttlSeconds: ttl),
                    self.tenant,
                    at: slot.revision
                )
            )
        }
        if self.isHalfClosed, self.slots.isEmpty { self.call.finish(.ok) }
    }
}
