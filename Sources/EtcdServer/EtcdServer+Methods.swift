package import GRPC

extension EtcdServer {
    /// Every RPC that is served. What is not here is answered `Unimplemented`.
    package var methods: [Method] {
        [
            self.unary("etcdserverpb.KV/Range", { $0.range($1, $2) }, raw: { $0.rawRange($1, $2) }),
            self.unary("etcdserverpb.KV/Put", { $0.put($1, $2) }, raw: { $0.rawPut($1, $2) }),
            self.unary(
                "etcdserverpb.KV/DeleteRange",
                { $0.deleteRange($1, $2) },
                raw: { $0.rawDeleteRange($1, $2) }
            ),
            self.unary("etcdserverpb.KV/Txn", { $0.txn($1, $2) }, raw: { $0.rawTxn($1, $2) }),
            self.unary("etcdserverpb.KV/Compact", { $0.compact($1, $2) }),
            self.streaming(
                "etcdserverpb.KV/RangeStream",
                { $0.rangeStream($1) },
                raw: { $0.rawRangeStream($1) }
            ),
            self.unary("etcdserverpb.Lease/LeaseGrant", { $0.leaseGrant($1, $2) }),
            self.unary("etcdserverpb.Lease/LeaseRevoke", { $0.leaseRevoke($1, $2) }),
            self.unary("etcdserverpb.Lease/LeaseTimeToLive", { $0.leaseTimeToLive($1, $2) }),
            self.unary("etcdserverpb.Lease/LeaseLeases", { $0.leaseLeases($1, $2) }),
            self.streaming("etcdserverpb.Lease/LeaseKeepAlive", { $0.leaseKeepAlive($1) }),
            self.streaming(
                "etcdserverpb.Watch/Watch",
                { $0.watch($1) },
                raw: { $0.rawWatch($1) }
            ),
            self.unary(
                "etcdserverpb.Cluster/MemberList",
                { $0.memberList($1, $2) },
                raw: { $0.rawMemberList($1, $2) }
            ),
            self.unary("etcdserverpb.Maintenance/Alarm", { $0.alarm($1, $2) }),
            self.unary(
                "etcdserverpb.Maintenance/Status",
                { $0.status($1, $2) },
                raw: { $0.rawStatus($1, $2) }
            ),
            self.unary("etcdserverpb.Maintenance/Defragment", { $0.defragment($1, $2) }),
            self.unary("etcdserverpb.Maintenance/Hash", { $0.hash($1, $2) }),
            self.unary("etcdserverpb.Maintenance/HashKV", { $0.hashKV($1, $2) }),
        ]
    }

    private typealias Unary = @Sendable (EtcdServer, RawSpan, ServerCall) -> Void
    private typealias Streaming = @Sendable (EtcdServer, ServerCall) -> any StreamHandler

    /// - Parameters:
    ///   - handle: answers a tenant.
    ///   - raw: answers an administrator; what has no keys is a tenant's alone.
    private func unary(
        _ name: String,
        _ handle: @escaping Unary,
        raw: @escaping Unary = { $2.fail(RawRefusal.noKeys.status) }
    ) -> Method {
        // Who looks after a tenant is let in however much its other clients ask.
        let isLimited = !name.hasPrefix("etcdserverpb.Maintenance/")
        return Method(
            path: "/" + name,
            kind: .unary { message, call in
                switch self.admit(call) {
                case .tenant:
                    if !isLimited || self.letIn(call) { handle(self, message, call) }
                case .raw: raw(self, message, call)
                case .none: break
                }
            }
        )
    }

    private func streaming(
        _ name: String,
        _ open: @escaping Streaming,
        raw: @escaping Streaming = { _, call in
            call.finish(RawRefusal.noKeys.status)
            return AnsweredStream()
        }
    ) -> Method {
        Method(
            path: "/" + name,
            kind: .streaming { call in
                switch self.admit(call) {
                case .tenant: open(self, call)
                case .raw: raw(self, call)
                case .none: AnsweredStream()
                }
            }
        )
    }
}
