import HTTP2

/// The RPCs that are called.
package enum Method: String, CaseIterable, Sendable {
    case range = "/etcdserverpb.KV/Range"
    case rangeStream = "/etcdserverpb.KV/RangeStream"
    case put = "/etcdserverpb.KV/Put"
    case txn = "/etcdserverpb.KV/Txn"
    case compact = "/etcdserverpb.KV/Compact"
    case watch = "/etcdserverpb.Watch/Watch"
    case leaseGrant = "/etcdserverpb.Lease/LeaseGrant"
    case leaseKeepAlive = "/etcdserverpb.Lease/LeaseKeepAlive"
    case leaseRevoke = "/etcdserverpb.Lease/LeaseRevoke"
    case status = "/etcdserverpb.Maintenance/Status"
    /// Of Byre's own API for administrators.
    case tenantCreate = "/byre.v1.TenantService/Create"
}

/// The request headers of each method, for one endpoint, as etcd's client in Go sends them.
package final class MethodHeaders: Sendable {
    private let lists: [Method: HeaderList]

    package init(_ endpoint: Endpoint) {
        self.lists = Dictionary(
            uniqueKeysWithValues: Method.allCases.map { method in
                var fields = [
                    (name: ":method", value: "POST"),
                    (name: ":scheme", value: endpoint.isSecure ? "https" : "http"),
                    (name: ":path", value: method.rawValue),
                    (name: ":authority", value: endpoint.authority),
                    (name: "content-type", value: "application/grpc"),
                    (name: "user-agent", value: "byre-bench"),
                    (name: "te", value: "trailers"),
                    (name: "grpc-accept-encoding", value: "gzip"),
                ]
                if method == .watch { fields.append((name: "hasleader", value: "true")) }
                fields.append((name: "client-api-version", value: "3.6"))
                // Immortal, as endpoints are few: frames point into it instead of copying it.
                let list = HeaderList(fields, immortal: true)
                // One reference that is never given back, or it would have to outlive every frame.
                _ = Unmanaged.passRetained(list)
                return (method, list)
            }
        )
    }

    subscript(method: Method) -> HeaderList {
        guard let list = self.lists[method] else { preconditionFailure("each method has a list") }
        return list
    }
}
