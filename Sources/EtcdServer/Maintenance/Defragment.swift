import ByreCore
import EtcdAPI
import GRPC

extension EtcdServer {
    /// `Maintenance/Defragment`: gives back space that compaction freed. The answer is empty, without
    /// a header, as in etcd.
    func defragment(_ message: RawSpan, _ call: ServerCall) {
        guard self.decode(EtcdDefragmentRequest.self, message, call) != nil else { return }
        self.submit(.defragment, messageBytes: message.byteCount, of: call) { server, _, _ in
            server.framed(EtcdDefragmentResponse())
        }
    }
}
