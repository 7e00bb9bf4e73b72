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
        self.readAll(tenant, call) { reader throws(RequestError) in
            let pinned = tenant.pinnedSnapshot()
            let state = pinned.state
            guard request.revision <= state.revision else { throw .futureRevision }
            guard request.revision <= 0 || request.revision >= state.compactRevision else {
                throw .compacted
            }
            // A negative revision is before everything: the checksum of nothing, as in etcd.
            let revision = request.revision == 0 ? state.revision : request.revision
            var response = EtcdHashKVResponse()
            response.header = self.generatedHeader(tenant, at: state.revision)
            response.hash = try KVHash.of(state, at: revision, reader: reader)
            response.compactRevision = state.compactRevision
            response.hashRevision = revision
            withExtendedLifetime(pinned) {}
            return self.framed(response)
        }
    }

    /// `Maintenance/Hash`: a checksum of all that the tenant holds.
    func hash(_ message: RawSpan, _ call: ServerCall) {
        guard self.decode(EtcdHashRequest.self, message, call) != nil else { return }
        let tenant = self.tenant(of: call)
        self.readAll(tenant, call) { reader throws(RequestError) in
            let pinned = tenant.pinnedSnapshot()
            let state = pinned.state
            var response = EtcdHashResponse()
            response.header = self.generatedHeader(tenant, at: state.revision)
            response.hash = try KVHash.of(state, at: state.revision, reader: reader)
            withExtendedLifetime(pinned) {}
            return self.framed(response)
        }
    }

    /// Computes an answer from all that the tenant holds, at the tenant's rate.
    private func readAll(
        _ tenant: TenantStore,
        _ call: ServerCall,
        _ body: @escaping @Sendable (any BackendReader) throws(RequestError) -> FramedMessage
    ) {
        let bytes = Int(tenant.snapshot.state.usedBytes)
        self.pace(1, of: .reads, tenant, call) {
            self.pace(bytes, of: .readBytes, tenant, call) {
                self.whenCurrent(tenant, call) {
                    self.onReader(call, tenant, bytes: bytes, isPaid: true, body)
                }
            }
        }
    }
}
