import Instrumentation
import Transport

// What the transport counts.
extension Metrics {
    /// The calls that change something.
    static let writes: Set<String> = [
        "/etcdserverpb.KV/Put", "/etcdserverpb.KV/DeleteRange", "/etcdserverpb.KV/Txn",
        "/etcdserverpb.KV/Compact", "/etcdserverpb.Lease/LeaseGrant",
        "/etcdserverpb.Lease/LeaseRevoke",
    ]

    /// The calls that etcd also counts by itself, with the name of the count.
    private static let operations = [
        ("etcd_mvcc_put_total", "/etcdserverpb.KV/Put"),
        ("etcd_mvcc_delete_total", "/etcdserverpb.KV/DeleteRange"),
        ("etcd_mvcc_range_total", "/etcdserverpb.KV/Range"),
        ("etcd_mvcc_txn_total", "/etcdserverpb.KV/Txn"),
    ]

    /// The requests whose durations are told, with the name of their type.
    private static let requestTypes = [
        ("range", "/etcdserverpb.KV/Range"),
        ("put", "/etcdserverpb.KV/Put"),
        ("delete_range", "/etcdserverpb.KV/DeleteRange"),
        ("txn", "/etcdserverpb.KV/Txn"),
        ("compaction", "/etcdserverpb.KV/Compact"),
        ("lease_grant", "/etcdserverpb.Lease/LeaseGrant"),
        ("lease_revoke", "/etcdserverpb.Lease/LeaseRevoke"),
    ]

    /// Streams that only the server sends on; the other streams go both ways.
    private static let serverStreams: Set<String> = ["RangeStream", "Snapshot", "Observe"]

    /// Names of the status codes by number, as Go's gRPC writes them.
    private static let codes = [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound",
        "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted",
        "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ]

    func addCalls(to text: inout MetricsText, _ counts: [ServerCounts]) {
        let methods = Self.merged(counts)
        for (name, path) in Self.operations {
            let done = methods.filter { $0.path == path }
                .reduce(0) { $0 + ($1.handled.first ?? 0) }
            let operation = path.split(separator: "/").last ?? ""
            text.add(.counter, name, "\(operation) calls that succeeded.", done)
        }
        text.add(
            .counter,
            "grpc_server_started_total",
            "Calls begun.",
            methods.map { (Self.labels($0), $0.started) }
        )
        var handled: [(labels: [(String, String)], value: Int)] = []
        for method in methods {
            for (code, count) in method.handled.enumerated() where count > 0 || code == 0 {
                handled.append(([("grpc_code", Self.codes[code])] + Self.labels(method), count))
            }
        }
        text.add(.counter, "grpc_server_handled_total", "Calls ended, by status.", handled)
        text.add(
            .counter,
            "grpc_server_msg_received_total",
            "Messages received.",
            methods.map { (Self.labels($0), $0.received) }
        )
        text.add(
            .counter,
            "grpc_server_msg_sent_total",
            "Messages sent.",
            methods.map { (Self.labels($0), $0.sent) }
        )
        self.addDurations(of: methods, to: &text)
    }

    /// The calls of each method, once, though several servers may have it, as all do health checks.
    private static func merged(_ counts: [ServerCounts]) -> [ServerCounts.MethodCounts] {
        var methods: [ServerCounts.MethodCounts] = []
        var places: [String: Int] = [:]
        for method in counts.flatMap(\.methods) {
            if let place = places[method.path] {
                methods[place] += method
            } else {
                places[method.path] = methods.count
                methods.append(method)
            }
        }
        return methods
    }

    /// Writes how long calls took that are answered with one message; the life of a stream says nothing.
    private func addDurations(of methods: [ServerCounts.MethodCounts], to text: inout MetricsText) {
        var samples: [(labels: [(String, String)], counts: Histogram.Counts)] = []
        for (type, path) in Self.requestTypes {
            for (isSuccess, durations) in [
                ("true", \ServerCounts.MethodCounts.durations), ("false", \.failureDurations),
            ] {
                var counts = Histogram.Counts(.durations)
                for method in methods where method.path == path {
                    counts += method[keyPath: durations]
                }
                guard counts.count > 0 else { continue }
                samples.append(([("type", type), ("success", isSuccess)], counts))
            }
        }
        text.add(
            "etcd_server_request_duration_seconds",
            "Time from a request's arrival to its outcome.",
            samples,
            unit: 1e9
        )
    }

    func addConnections(
        to text: inout MetricsText,
        _ servers: [Server],
        _ counts: [ServerCounts]
    ) {
        func sum(_ count: KeyPath<ServerCounts, Int>) -> Int {
            counts.reduce(0) { $0 + $1[keyPath: count] }
        }
        text.add(
            .counter,
            "etcd_network_client_grpc_received_bytes_total",
            "Bytes received from clients.",
            sum(\.bytesIn)
        )
        text.add(
            .counter,
            "etcd_network_client_grpc_sent_bytes_total",
            "Bytes sent to clients.",
            sum(\.bytesOut)
        )
        text.add(
            .gauge,
            "byre_connections",
            "Open connections.",
            servers.reduce(0) { $0 + $1.connectionCount }
        )
        text.add(
            .counter,
            "byre_connections_accepted_total",
            "Connections accepted.",
            sum(\.connectionsAccepted)
        )
        text.add(
            .counter,
            "byre_connections_refused_total",
            "Connections closed for being too many.",
            sum(\.connectionsRefused)
        )
        text.add(
            .counter,
            "byre_requests_refused_total",
            "Requests for unknown methods or of unknown types.",
            sum(\.requestsRefused)
        )
    }

    private static func labels(_ method: ServerCounts.MethodCounts) -> [(String, String)] {
        let parts = method.path.split(separator: "/")
        let name = String(parts.last ?? "")
        let type =
            !method.isStreaming
            ? "unary" : self.serverStreams.contains(name) ? "server_stream" : "bidi_stream"
        return [
            ("grpc_method", name), ("grpc_service", String(parts.first ?? "")), ("grpc_type", type),
        ]
    }
}
