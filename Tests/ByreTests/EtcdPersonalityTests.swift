import Testing
import byre

@Suite struct EtcdPersonalityTests {
    /// Every flag that `etcd --help` of 3.5.1 shows.
    static let flagsOf3_5 = """
        advertise-client-urls auth-token auth-token-ttl auto-compaction-mode
        auto-compaction-retention auto-tls backend-batch-interval backend-batch-limit
        backend-bbolt-freelist-type bcrypt-cost cert-file cipher-suites
        client-cert-allowed-hostname client-cert-auth client-crl-file cors data-dir discovery
        discovery-fallback discovery-proxy discovery-srv discovery-srv-name election-timeout
        enable-log-rotation enable-pprof enable-v2
        experimental-bootstrap-defrag-threshold-megabytes experimental-compaction-batch-limit
        experimental-corrupt-check-time experimental-distributed-tracing-address
        experimental-distributed-tracing-instance-id
        experimental-distributed-tracing-service-name experimental-enable-distributed-tracing
        experimental-enable-lease-checkpoint experimental-enable-v2v3
        experimental-initial-corrupt-check experimental-peer-skip-client-san-verification
        experimental-txn-mode-write-with-shared-buffer experimental-warning-apply-duration
        experimental-watch-progress-notify-interval force-new-cluster grpc-keepalive-interval
        grpc-keepalive-min-time grpc-keepalive-timeout heartbeat-interval host-whitelist
        initial-advertise-peer-urls initial-cluster initial-cluster-state initial-cluster-token
        initial-election-tick-advance key-file listen-client-urls listen-metrics-urls
        listen-peer-urls log-level log-outputs log-rotation-config-json logger max-request-bytes
        max-snapshots max-txn-ops max-wals metrics name peer-auto-tls peer-cert-allowed-cn
        peer-cert-allowed-hostname peer-cert-file peer-client-cert-auth peer-crl-file
        peer-key-file peer-trusted-ca-file pre-vote proxy proxy-dial-timeout proxy-failure-wait
        proxy-read-timeout proxy-refresh-interval proxy-write-timeout quota-backend-bytes
        self-signed-cert-validity snapshot-count socket-reuse-address socket-reuse-port
        strict-reconfig-check trusted-ca-file unsafe-no-fsync v2-deprecation wal-dir
        """

    /// What 3.5.1 takes without showing it, and what later 3.5, 3.6, 3.7 and 3.8 have added.
    static let laterFlags = """
        bootstrap-defrag-threshold-megabytes client-cert-file client-key-file
        compact-hash-check-time compaction-batch-limit compaction-sleep-interval
        corrupt-check-time disable-log-sampling discovery-cacert discovery-cert
        discovery-dial-timeout discovery-endpoints discovery-insecure-skip-tls-verify
        discovery-insecure-transport discovery-keepalive-time discovery-keepalive-timeout
        discovery-key discovery-password discovery-request-timeout discovery-token discovery-user
        distributed-tracing-address distributed-tracing-instance-id
        distributed-tracing-sampling-rate distributed-tracing-service-name downgrade-check-time
        enable-distributed-tracing enable-grpc-gateway experimental-compact-hash-check-enabled
        experimental-compact-hash-check-time experimental-compaction-sleep-interval
        experimental-distributed-tracing-sampling-rate experimental-downgrade-check-time
        experimental-enable-lease-checkpoint-persist experimental-max-learners
        experimental-memory-mlock experimental-set-member-localaddr
        experimental-snapshot-catchup-entries experimental-stop-grpc-service-on-defrag
        experimental-warning-unary-request-duration feature-gates listen-client-http-urls
        log-format max-concurrent-streams max-learners memory-mlock peer-client-cert-file
        peer-client-key-file peer-skip-client-san-verification raft-read-timeout
        raft-write-timeout snapshot-catchup-entries tls-max-version tls-min-version
        warning-apply-duration warning-unary-request-duration watch-progress-notify-interval
        """

    static func invocation(
        _ arguments: [String],
        _ environment: [String: String] = [:]
    ) throws -> Invocation {
        try Invocation(arguments: ["/usr/local/bin/etcd"] + arguments, environment: environment)
    }

    static func configuration(
        _ arguments: [String],
        _ environment: [String: String] = [:]
    ) throws -> ServeConfiguration {
        guard case .serve(let configuration, notes: _) = try invocation(arguments, environment)
        else {
            throw UsageError("the command line does not ask to serve")
        }
        return configuration
    }

    @Test(arguments: [flagsOf3_5, laterFlags])
    func everyFlagOfEtcdIsKnown(names: String) {
        let parser = Personality.etcd.parser
        for name in names.split(whereSeparator: \.isWhitespace).map(String.init) {
            #expect(parser.table[name] != nil, "--\(name)")
        }
    }

    @Test func everyFlagReadsItsOwnDefault() throws {
        for flag in Personality.etcd.parser.table.flags where !flag.defaultText.isEmpty {
            var options = ServeOptions()
            #expect(throws: Never.self, "--\(flag.name)") {
                try flag.assign(&options, flag.defaultText)
            }
        }
    }

    @Test func theFlagsOfEtcdsTestFrameworkAreTaken() throws {
        let configuration = try Self.configuration([
            "--name=test-0", "--listen-client-urls=http://localhost:20000",
            "--advertise-client-urls=http://localhost:20000",
            "--listen-peer-urls=http://localhost:20001",
            "--initial-advertise-peer-urls=http://localhost:20001",
            "--initial-cluster-token=new", "--data-dir=/tmp/d", "--snapshot-count=10000",
            "--initial-cluster=test-0=http://localhost:20001", "--initial-cluster-state=new",
            "--strict-reconfig-check=false", "--feature-gates=A=true,B=false",
            "--listen-metrics-urls=http://localhost:20002",
            "--listen-client-http-urls=http://localhost:20004", "--metrics=extensive",
            "--auth-token=simple", "--auth-token-ttl=5", "--force-new-cluster",
            "--max-concurrent-streams=7", "--watch-progress-notify-interval=100ms",
            "--compaction-batch-limit=5", "--log-level=debug",
        ])
        #expect(configuration.dataDirectory == "/tmp/d")
        #expect(configuration.options.streamsPerConnectionMax == 7)
        #expect(configuration.progressNotifyInterval == .milliseconds(100))
        #expect(configuration.compactionBatchLimit == 5)
        #expect(configuration.options.logLevel == .debug)
        #expect(configuration.listeners.count == 3)
        #expect(configuration.peerURLs == ["http://localhost:20001"])
    }

    @Test func theFlagsOfKubernetesIntegrationTestsAreTaken() throws {
        let configuration = try Self.configuration([
            "--data-dir", "/tmp/d", "--listen-client-urls", "unix:///tmp/d/etcd.sock",
            "--advertise-client-urls", "http://127.0.0.111:0", "--listen-peer-urls",
            "http://127.0.0.1:0", "-log-level", "warn", "--quota-backend-bytes", "8589934592",
        ])
        #expect(configuration.quotaBytes == 8_589_934_592)
        #expect(
            configuration.options.listenClientURLs
                == [ListenURL(isTLS: false, place: .path("/tmp/d/etcd.sock"))]
        )
    }

    @Test func theVariablesOfEtcdAreRead() throws {
        let configuration = try Self.configuration(
            ["--max-txn-ops=5"],
            [
                "ETCD_NAME": "m1", "ETCD_MAX_TXN_OPS": "4", "ETCD_SNAPSHOT_COUNT": "3",
                "BYRE_CACHE_BYTES": "9",
            ]
        )
        #expect(configuration.dataDirectory == "m1.etcd")
        #expect(configuration.peerURLs == ["http://localhost:2380"])
        #expect(configuration.options.txnOpsMax == 5)
        #expect(configuration.options.cacheBytesMax == 9)
    }

    @Test(arguments: [
        ("--version", "etcd Version: 3.7.1\nGit SHA: "),
        ("-version", "etcd Version: 3.7.1\nGit SHA: "),
        ("--help", "Byre in the place of etcd"),
    ])
    func aTextIsPrinted(argument: String, beginning: String) throws {
        guard case .show(let text) = try Self.invocation([argument]) else {
            Issue.record("nothing is printed")
            return
        }
        #expect(text.hasPrefix(beginning))
    }

    @Test(arguments: [
        ["gateway"], ["grpc-proxy", "start"], ["--no-such-flag"], ["--snapshot-count=x"],
        ["--initial-cluster-state=odd"], ["--config-file=/etc/etcd.yaml"], ["--proxy=on"],
        ["--host-whitelist=a.example"], ["--logger"],
    ])
    func whatCannotBeFollowedIsRefused(arguments: [String]) {
        #expect(throws: Invocation.Refusal.self) { try Self.invocation(arguments) }
    }

    @Test func helpNamesEveryFlag() {
        let help = Help.serve(.etcd)
        for flag in Personality.etcd.parser.table.flags {
            #expect(help.contains("  --\(flag.name)"), "--\(flag.name)")
        }
    }
}
