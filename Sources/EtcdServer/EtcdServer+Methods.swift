package import GRPC

extension EtcdServer {
    /// Every RPC that is served. What is not here is answered `Unimplemented`.
    package var methods: [Method] {
        [
            self.unary("etcdserverpb.KV/Range") { $0.range($1, $2) },
            self.unary("etcdserverpb.KV/Put") { $0.put($1, $2) },
            self.unary("etcdserverpb.KV/DeleteRange") { $0.deleteRange($1, $2) },
            self.unary("etcdserverpb.KV/Txn") { $0.txn($1, $2) },
            self.unary("etcdserverpb.KV/Compact") { $0.compact($1, $2) },
            self.streaming("etcdserverpb.KV/RangeStream") { $0.rangeStream($1) },
            self.unary("etcdserverpb.Lease/LeaseGrant") { $0.leaseGrant($1, $2) },
            self.unary("etcdserverpb.Lease/LeaseRevoke") { $0.leaseRevoke($1, $2) },
            self.unary("etcdserverpb.Lease/LeaseTimeToLive") { $0.leaseTimeToLive($1, $2) },
            self.unary("etcdserverpb.Lease/LeaseLeases") { $0.leaseLeases($1, $2) },
            self.streaming("etcdserverpb.Lease/LeaseKeepAlive") { $0.leaseKeepAlive($1) },
            self.streaming("etcdserverpb.Watch/Watch") { $0.watch($1) },
            self.unary("etcdserverpb.Cluster/MemberList") { $0.memberList($1, $2) },
            self.unary("etcdserverpb.Maintenance/Alarm") { $0.alarm($1, $2) },
            self.unary("etcdserverpb.Maintenance/Status") { $0.status($1, $2) },
            self.unary("etcdserverpb.Maintenance/Defragment") { $0.defragment($1, $2) },
            self.unary("etcdserverpb.Maintenance/Hash") { $0.hash($1, $2) },
            self.unary("etcdserverpb.Maintenance/HashKV") { $0.hashKV($1, $2) },
        ]
    }

    private func unary(
        _ name: String,
        _ handle: @escaping @Sendable (EtcdServer, RawSpan, ServerCall) -> Void
    ) -> Method {
        // Who looks after a tenant is let in however much its other clients ask.
        let isLimited = !name.hasPrefix("etcdserverpb.Maintenance/")
        return Method(
            path: "/" + name,
            kind: .unary { message, call in
                guard self.admit(call), !isLimited || self.letIn(call) else { return }
                handle(self, message, call)
            }
        )
    }

    private func streaming(
        _ name: String,
        _ open: @escaping @Sendable (EtcdServer, ServerCall) -> any StreamHandler
    ) -> Method {
        Method(
            path: "/" + name,
            kind: .streaming { call in
                self.admit(call) ? open(self, call) : AnsweredStream()
            }
        )
    }
}
