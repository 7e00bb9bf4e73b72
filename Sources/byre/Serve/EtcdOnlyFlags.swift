/// Flags of etcd 3.5 to 3.8 that a server without raft, peers and a bbolt file has no use for.
///
/// The `etcd` personality accepts them, so that whatever starts an etcd can start Byre; `byre serve`
/// refuses them, so that nobody believes that they act. A flag that restricts who may connect is
/// refused everywhere unless its value restricts nothing.
///
/// Source: `etcd --help` of 3.5.1; etcd `server/embed/config.go` and `server/etcdmain/config.go` of
/// 3.5, 3.6 and 3.7.
enum EtcdOnlyFlags {
    private typealias Options = ServeOptions

    /// The groups, titled as etcd's own help titles them.
    static let groups: [FlagTable<ServeOptions>.Group] = [
        storage, raft, clustering, peerSecurity, clientSecurity, auth, monitoring, logging, tracing,
        experimental, proxy, unsafe, ancient,
    ]

    private static let noRaft = "there is no raft and no write-ahead log of its own"
    private static let noPeers = "there are no peers"
    private static let noBootstrap = "a store needs no cluster to be bootstrapped"
    private static let noBbolt = "the store is not a bbolt file"
    private static let noV2 = "the v2 API is not served"
    private static let noTracing = "spans are not exported"
    private static let noChecks = "there are no members to compare with"
    private static let noRotation = "files are left to logrotate"
    private static let noAuth = "the Auth API is not served"

    private static let storage = FlagTable<ServeOptions>.Group(
        "Storage of etcd",
        [
            .ignored("wal-dir", String.self, because: noRaft),
            .ignored("snapshot-count", UInt64.self, because: noRaft),
            .ignored("snapshot-catchup-entries", UInt64.self, because: noRaft),
            .ignored("experimental-snapshot-catchup-entries", UInt64.self, because: noRaft),
            .ignored("max-snapshots", UInt.self, because: noRaft),
            .ignored("max-wals", UInt.self, because: noRaft),
            .ignored("backend-bbolt-freelist-type", String.self, because: noBbolt),
            .ignored("backend-batch-interval", Duration.self, because: noBbolt),
            .ignored("backend-batch-limit", Int.self, because: noBbolt),
            .ignored("bootstrap-defrag-threshold-megabytes", UInt.self, because: noBbolt),
            .ignored(
                "experimental-bootstrap-defrag-threshold-megabytes",
                UInt.self,
                because: noBbolt
            ),
            .ignored("memory-mlock", Bool.self, because: noBbolt),
            .ignored("experimental-memory-mlock", Bool.self, because: noBbolt),
        ]
    )

    private static let raft = FlagTable<ServeOptions>.Group(
        "Raft",
        [
            .ignored("initial-election-tick-advance", Bool.self, because: noRaft),
            .ignored("pre-vote", Bool.self, because: noRaft),
            .ignored("raft-read-timeout", Duration.self, because: noRaft),
            .ignored("raft-write-timeout", Duration.self, because: noRaft),
            .ignored("max-learners", Int.self, because: noPeers),
            .ignored("experimental-max-learners", Int.self, because: noPeers),
            .ignored("strict-reconfig-check", Bool.self, because: noPeers),
            .ignored("experimental-wait-cluster-ready-timeout", Duration.self, because: noPeers),
            .ignored("downgrade-check-time", Duration.self, because: noPeers),
            .ignored("experimental-downgrade-check-time", Duration.self, because: noPeers),
        ]
    )

    private static let clustering = FlagTable<ServeOptions>.Group(
        "Clustering",
        [
            .ignored("listen-peer-urls", [String].self, because: noPeers),
            .ignored("initial-cluster", String.self, because: noBootstrap),
            .ignored("initial-cluster-state", ClusterState.self, because: noBootstrap),
            .ignored("initial-cluster-token", String.self, because: noBootstrap),
            .ignored("discovery", String.self, because: noBootstrap),
            .ignored("discovery-fallback", String.self, because: noBootstrap),
            .ignored("discovery-proxy", String.self, because: noBootstrap),
            .ignored("discovery-srv", String.self, because: noBootstrap),
            .ignored("discovery-srv-name", String.self, because: noBootstrap),
            .ignored("discovery-endpoints", [String].self, because: noBootstrap),
            .ignored("discovery-token", String.self, because: noBootstrap),
            .ignored("discovery-dial-timeout", Duration.self, because: noBootstrap),
            .ignored("discovery-request-timeout", Duration.self, because: noBootstrap),
            .ignored("discovery-keepalive-time", Duration.self, because: noBootstrap),
            .ignored("discovery-keepalive-timeout", Duration.self, because: noBootstrap),
            .ignored("discovery-insecure-transport", Bool.self, because: noBootstrap),
            .ignored("discovery-insecure-skip-tls-verify", Bool.self, because: noBootstrap),
            .ignored("discovery-cert", String.self, because: noBootstrap),
            .ignored("discovery-key", String.self, because: noBootstrap),
            .ignored("discovery-cacert", String.self, because: noBootstrap),
            .ignored("discovery-user", String.self, because: noBootstrap),
            .ignored("discovery-password", String.self, because: noBootstrap),
            .ignored("enable-v2", Bool.self, because: noV2),
            .ignored("v2-deprecation", String.self, because: noV2),
        ]
    )

    private static let peerSecurity = FlagTable<ServeOptions>.Group(
        "Security of peers",
        [
            .ignored("peer-cert-file", String.self, because: noPeers),
            .ignored("peer-key-file", String.self, because: noPeers),
            .ignored("peer-client-cert-file", String.self, because: noPeers),
            .ignored("peer-client-key-file", String.self, because: noPeers),
            .ignored("peer-client-cert-auth", Bool.self, because: noPeers),
            .ignored("peer-trusted-ca-file", String.self, because: noPeers),
            .ignored("peer-auto-tls", Bool.self, because: noPeers),
            .ignored("peer-crl-file", String.self, because: noPeers),
            .ignored("peer-cert-allowed-cn", String.self, because: noPeers),
            .ignored("peer-cert-allowed-hostname", String.self, because: noPeers),
            .ignored("peer-skip-client-san-verification", Bool.self, because: noPeers),
            .ignored("experimental-peer-skip-client-san-verification", Bool.self, because: noPeers),
            .ignored("experimental-set-member-localaddr", Bool.self, because: noPeers),
        ]
    )

    private static let clientSecurity = FlagTable<ServeOptions>.Group(
        "Security of clients",
        [
            .ignored(
                "client-cert-file",
                String.self,
                because: "the server never calls itself as a client"
            ),
            .ignored(
                "client-key-file",
                String.self,
                because: "the server never calls itself as a client"
            ),
            .refused(
                "self-signed-cert-validity",
                UInt.self,
                unless: ["1"],
                because: "a certificate of --auto-tls is valid for one year"
            ),
            .refused(
                "host-whitelist",
                String.self,
                unless: ["", "*"],
                because: "HTTP requests cannot be restricted by their Host header"
            ),
            .ignored("cors", String.self, because: "no origin is ever allowed"),
            .ignored("enable-grpc-gateway", Bool.self, because: "the JSON gateway is not served"),
        ]
    )

    private static let auth = FlagTable<ServeOptions>.Group(
        "Auth",
        [
            .ignored("auth-token", String.self, because: noAuth),
            .ignored("auth-token-ttl", UInt.self, because: noAuth),
            .ignored("bcrypt-cost", UInt.self, because: noAuth),
        ]
    )

    private static let monitoring = FlagTable<ServeOptions>.Group(
        "Profiling and monitoring",
        [
            .ignored("enable-pprof", Bool.self, because: "there is no Go runtime to profile"),
            .ignored("metrics", String.self, because: "/metrics has one level of detail"),
            .ignored(
                "warning-apply-duration",
                Duration.self,
                because: "slow requests are not logged"
            ),
            .ignored(
                "warning-unary-request-duration",
                Duration.self,
                because: "slow requests are not logged"
            ),
            .ignored("socket-reuse-port", Bool.self, because: "a store has one server"),
            .ignored("socket-reuse-address", Bool.self, because: "it is always on"),
        ]
    )

    private static let logging = FlagTable<ServeOptions>.Group(
        "Logging of etcd",
        [
            .ignored("logger", String.self, because: "there is one logger"),
            .ignored("enable-log-rotation", Bool.self, because: noRotation),
            .ignored("log-rotation-config-json", String.self, because: noRotation),
            .ignored("disable-log-sampling", Bool.self, because: "lines are not sampled"),
        ]
    )

    private static let tracing = FlagTable<ServeOptions>.Group(
        "Tracing",
        ["", "experimental-"].flatMap { prefix -> [Flag<ServeOptions>] in
            [
                .ignored(prefix + "enable-distributed-tracing", Bool.self, because: noTracing),
                .ignored(prefix + "distributed-tracing-address", String.self, because: noTracing),
                .ignored(
                    prefix + "distributed-tracing-service-name",
                    String.self,
                    because: noTracing
                ),
                .ignored(
                    prefix + "distributed-tracing-instance-id",
                    String.self,
                    because: noTracing
                ),
                .ignored(
                    prefix + "distributed-tracing-sampling-rate",
                    Int.self,
                    because: noTracing
                ),
            ]
        }
    )

    private static let experimental = FlagTable<ServeOptions>.Group(
        "Features",
        [
            .refused(
                "config-file",
                String.self,
                unless: [""],
                because: "give the settings as flags or as environment variables"
            ),
            .ignored("feature-gates", String.self, because: "features have no gates"),
            .ignored("initial-corrupt-check", Bool.self, because: noChecks),
            .ignored("compact-hash-check-enabled", Bool.self, because: noChecks),
            .ignored("corrupt-check-time", Duration.self, because: noChecks),
            .ignored("compact-hash-check-time", Duration.self, because: noChecks),
            .ignored("experimental-initial-corrupt-check", Bool.self, because: noChecks),
            .ignored("experimental-corrupt-check-time", Duration.self, because: noChecks),
            .ignored("experimental-compact-hash-check-enabled", Bool.self, because: noChecks),
            .ignored("experimental-compact-hash-check-time", Duration.self, because: noChecks),
            .ignored("experimental-enable-v2v3", String.self, because: noV2),
            .ignored(
                "experimental-enable-lease-checkpoint",
                Bool.self,
                because: "leases are not checkpointed"
            ),
            .ignored(
                "experimental-enable-lease-checkpoint-persist",
                Bool.self,
                because: "leases are not checkpointed"
            ),
            .ignored(
                "experimental-warning-apply-duration",
                Duration.self,
                because: "slow requests are not logged"
            ),
            .ignored(
                "experimental-warning-unary-request-duration",
                Duration.self,
                because: "slow requests are not logged"
            ),
            .ignored(
                "experimental-txn-mode-write-with-shared-buffer",
                Bool.self,
                because: noBbolt
            ),
            .ignored(
                "experimental-stop-grpc-service-on-defrag",
                Bool.self,
                because: "defragmenting stops nothing"
            ),
        ]
    )

    private static let proxy = FlagTable<ServeOptions>.Group(
        "Proxy of the v2 API",
        [
            .refused(
                "proxy",
                String.self,
                unless: ["", "off"],
                because: "the v2 API is not served"
            ),
            .ignored("proxy-failure-wait", UInt.self, because: noV2),
            .ignored("proxy-refresh-interval", UInt.self, because: noV2),
            .ignored("proxy-dial-timeout", UInt.self, because: noV2),
            .ignored("proxy-write-timeout", UInt.self, because: noV2),
            .ignored("proxy-read-timeout", UInt.self, because: noV2),
        ]
    )

    private static let unsafe = FlagTable<ServeOptions>.Group(
        "Unsafe",
        [
            .ignored("force-new-cluster", Bool.self, because: noBootstrap),
            .ignored(
                "unsafe-no-fsync",
                Bool.self,
                because: "an acknowledged write is always synced"
            ),
        ]
    )

    private static let ancient = FlagTable<ServeOptions>.Group(
        "Ignored by etcd too",
        [
            "cluster-active-size", "cluster-remove-delay", "cluster-sync-interval",
            "force", "max-result-buffer", "max-retry-attempts", "peer-heartbeat-interval",
            "peer-election-timeout", "retry-interval", "snapshot", "v", "vv", "test.coverprofile",
            "test.outputdir",
        ]
        .map { name in
            .ignored(name, Anything.self, because: "etcd has given it up")
        }
    )

    /// The value of a flag that etcd itself no longer reads: any text, or none.
    private struct Anything: FlagValue {
        static let placeholder = "TEXT"
        static let isBoolean = true
        let flagText: String

        init(flagText: String) throws(FlagValueError) {
            self.flagText = flagText
        }
    }

    /// etcd's two states of a cluster.
    private enum ClusterState: String, FlagChoice {
        case new
        case existing
    }
}
