import EtcdServer
import GRPC

/// Lets nobody but administrators call the admin API through TLS.
///
/// A unix socket has its own guard: the permissions of its file.
struct AdminGate {
    let etcd: EtcdServer

    /// The same methods, with the guard before each.
    func guarding(_ methods: [Method]) -> [Method] {
        let etcd = self.etcd
        return methods.map { method in
            switch method.kind {
            case .unary(let handle):
                Method(
                    path: method.path,
                    kind: .unary { message, call in
                        if Self.lets(call, etcd) { handle(message, call) }
                    }
                )
            case .streaming(let open):
                Method(
                    path: method.path,
                    kind: .streaming { call in
                        Self.lets(call, etcd) ? open(call) : AnsweredStream()
                    }
                )
            }
        }
    }

    /// Whether a call may go on; else it has been answered.
    private static func lets(_ call: ServerCall, _ etcd: EtcdServer) -> Bool {
        guard call.peer.tls != nil else { return true }
        if case .raw = etcd.access.caller(of: call) { return true }
        call.fail(
            Status(
                .permissionDenied,
                "byre: the admin API is for the administrators of the configuration file"
            )
        )
        return false
    }
}
