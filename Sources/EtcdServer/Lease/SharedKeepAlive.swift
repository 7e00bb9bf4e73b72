import ByreCore
import DequeModule
import EtcdAPI
import Engine
import GRPC

/// One LeaseKeepAlive stream on a shared store: renewals are durable before they are answered, many at
/// once, and answered in the order in which they came.
final class SharedKeepAliveHandler: StreamHandler {
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
    private let shared: SharedStore
    private let call: ServerCall
    private let tenant: TenantStore
    private var slots: Deque<Slot> = []
    /// Number of the first slot since the stream began.
    private var firstSlot = 0
    private var isHalfClosed = false

    init(_ server: EtcdServer, _ shared: SharedStore, _ call: ServerCall) {
        self.server = server
        self.shared = shared
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
        guard self.slots.count < Self.waitingMax else {
            self.call.finish(Status(EtcdError.tooManyRequests))
            return
        }
        let number = self.firstSlot + self.slots.count
        self.slots.append(Slot(id: id, revision: self.tenant.snapshot.state.revision))
        let handler = LoopBound(self, loop: self.call.loop)
        do throws(RequestError) {
            try self.shared.keeper.renew(id, of: self.tenant, on: self.call.loop) { result in
                handler.value.renewed(number, id, result)
            }
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

    private func renewed(
        _ number: Int,
        _ id: LeaseID,
        _ result: Result<LeaseRenewal, RequestError>
    ) {
        guard self.call.isOpen else { return }
        switch result {
        case .failure(let error): self.call.finish(Status(error))
        case .success(.renewed(let ttl)): self.answer(number, ttlSeconds: ttl)
        case .success(.notFound): self.answer(number, ttlSeconds: 0)
        case .success(.expired):
            // As in etcd, the answer waits for the revocation.
            let handler = LoopBound(self, loop: self.call.loop)
            let isWaiting = self.tenant.awaitRevocation(of: id) {
                handler.loop.execute { handler.value.answer(number, ttlSeconds: 0) }
            }
            if !isWaiting { self.answer(number, ttlSeconds: 0) }
        }
    }

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
