import ByreCore
import EtcdAPI
import GRPC

extension EtcdServer {
    /// `KV/Compact`: forgets what revisions before one held. With `physical`, answers once it is gone
    /// from the store.
    func compact(_ message: RawSpan, _ call: ServerCall) {
        let request: CompactionRequest
        do throws(WireError) {
            request = try CompactionRequest(decoding: message)
        } catch {
            call.fail(Status(error))
            return
        }
        self.submit(
            .compact(revision: request.revision),
            messageBytes: message.byteCount,
            of: call,
            waitsForPhysical: request.physical
        ) { server, tenant, outcome in
            guard case .compacted(let revision) = outcome else {
                preconditionFailure("a compaction was sent")
            }
            return server.framed(HeaderResponse(), tenant, at: revision)
        }
    }
}
