import ByreCore
import EtcdAPI
import Engine
import GRPC
import Tenancy

extension EtcdServer {
    /// `Maintenance/HashKV`: a checksum of the keys at a revision, the same that etcd computes.
    func hashKV(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(EtcdHashKVRequest.self, message, call) else { return }
        let tenant = self.tenant(of: call)
        self.readAll(tenant, call) { () throws(RequestError) in
            let pinned = tenant.pinnedSnapshot()
            let state = pinned.state
            guard request.revision <= state.revision else { throw .futureRevision }
            guard request.revision <= 0 || request.revision >= state.compactRevision else {
                throw .compacted
            }
            // A negative revision is before everything: the checksum of nothing, as in etcd.
            let revision = request.revision == 0 ? state.revision : request.revision
            return Hashing(pinned, KVHash(state, at: revision)) { hash in
                var response = EtcdHashKVResponse()
                response.header = self.generatedHeader(tenant, at: state.revision)
                response.hash = hash
                response.compactRevision = state.compactRevision
                response.hashRevision = revision
                return self.framed(response)
            }
        }
    }

    /// `Maintenance/Hash`: a checksum of all that the tenant holds.
    func hash(_ message: RawSpan, _ call: ServerCall) {
        guard self.decode(EtcdHashRequest.self, message, call) != nil else { return }
        let tenant = self.tenant(of: call)
        self.readAll(tenant, call) { () throws(RequestError) in
            let pinned = tenant.pinnedSnapshot()
            let state = pinned.state
            return Hashing(pinned, KVHash(state, at: state.revision)) { hash in
                var response = EtcdHashResponse()
                response.header = self.generatedHeader(tenant, at: state.revision)
                response.hash = hash
                return self.framed(response)
            }
        }
    }

    /// A checksum in the making.
    private struct Hashing: Sendable {
        /// Keeps the rows from being deleted.
        let pinned: PinnedSnapshot
        var hash: KVHash
        /// Makes the answer.
        let answer: @Sendable (_ hash: UInt32) -> FramedMessage

        init(
            _ pinned: PinnedSnapshot,
            _ hash: KVHash,
            answer: @escaping @Sendable (_ hash: UInt32) -> FramedMessage
        ) {
            self.pinned = pinned
            self.hash = hash
            self.answer = answer
        }
    }

    /// Computes a checksum of all that the tenant holds, at the tenant's rate.
    private func readAll(
        _ tenant: TenantStore,
        _ call: ServerCall,
        _ begin: @escaping @Sendable () throws(RequestError) -> Hashing
    ) {
        let bytes = Int(tenant.snapshot.state.usedBytes)
        self.pace(1, of: .reads, tenant, call) {
            self.pace(bytes, of: .readBytes, tenant, call) {
                self.goOn(tenant, call, begin)
            }
        }
    }

    /// Has a reader thread do the next slice; what others want of it comes in between.
    /// - Parameter hashing: what was done so far; may walk every key.
    private func goOn(
        _ tenant: TenantStore,
        _ call: ServerCall,
        _ hashing: @escaping @Sendable () throws(RequestError) -> Hashing
    ) {
        let isQueued = self.onReader(
            for: call,
            tenant,
            loop: call.loop,
            bytes: KVHash.sliceBytesMax
        ) { reader throws(RequestError) in
            var next = try hashing()
            try next.hash.step(reader)
            return next
        } _: { call, result in
            guard call.isOpen else { return }
            switch result {
            case .success(let next) where next.hash.isDone:
                call.reply(next.answer(next.hash.value))
            case .success(let next): self.goOn(tenant, call) { next }
            case .failure(let error): call.fail(Status(error))
            }
        }
        if !isQueued { call.fail(Status(EtcdError.tooManyRequests)) }
    }
}
