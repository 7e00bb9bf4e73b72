/// The flags of `byre serve`, and with ``EtcdOnlyFlags`` those of the `etcd` personality.
package enum ServeFlags {
    /// The table of both personalities: what applies first, then what only etcd has use for.
    package static let table = FlagTable<ServeOptions>(
        [configuration, store, listening, tls, limits, keepalive, history, timing, logging]
            + EtcdOnlyFlags.groups + [olderNames]
    )

    private static let configuration = FlagTable<ServeOptions>.Group(
        "Configuration file",
        [
            Flag(
                "config",
                \.configFile,
                origin: .byre,
                placeholder: "FILE",
                """
                YAML with all settings, tenants' listeners among them; no other flag may be given \
                with it. Its keys: byre help config.
                """
            )
        ]
    )

    private static let store = FlagTable<ServeOptions>.Group(
        "Store",
        [
            Flag("name", \.name, "Name of this member, as MemberList shows it."),
            Flag(
                "data-dir",
                \.dataDirectory,
                placeholder: "DIR",
                """
                Directory of the store and of generated certificates, made if missing. Without it, \
                NAME.byre in the working directory, or NAME.etcd when started as etcd.
                """
            ),
            Flag(
                "store",
                \.store,
                origin: .byre,
                """
                Database of the tenants, as sqlite:///var/lib/byre/byre.db or \
                postgresql://user@host1,host2/database?schema=byre. Without it, the file byre.db \
                in the data directory.
                """
            ),
            Flag(
                "store-connections",
                \.storeConnections,
                in: 5...1_000,
                origin: .byre,
                """
                Connections to PostgreSQL: one writes, one listens for what other servers write, \
                one asks how far they are, one keeps leases, the others load values.
                """
            ),
        ]
    )

    private static let listening = FlagTable<ServeOptions>.Group(
        "Listening",
        [
            Flag(
                "listen-client-urls",
                \.listenClientURLs,
                """
                Where clients connect with gRPC and HTTP: http, https, unix or unixs (TLS on a \
                unix socket). A host is an IP address or localhost.
                """
            ),
            Flag(
                "advertise-client-urls",
                \.advertiseClientURLs,
                """
                Where MemberList tells clients to connect. Without it, the URLs listened on, with \
                the machine's host name for 0.0.0.0 and [::].
                """
            ),
            Flag(
                "initial-advertise-peer-urls",
                \.advertisePeerURLs,
                """
                What MemberList tells of peers, of which there are none. Started as etcd, without \
                it, etcd's default.
                """
            ),
            Flag(
                "listen-client-http-urls",
                \.listenClientHTTPURLs,
                """
                Where clients connect with HTTP alone. With it, --listen-client-urls serves gRPC \
                alone.
                """
            ),
            Flag(
                "listen-metrics-urls",
                \.listenMetricsURLs,
                "Further places that serve /metrics, /health, /livez and /readyz, and no data."
            ),
            Flag(
                "listen-admin-url",
                \.listenAdminURL,
                origin: .byre,
                """
                Where byre tenant reaches the admin API: a unix socket that its owner alone may \
                use, as unix:/run/byre/admin.sock. none turns it off. Without it, admin.sock in \
                the data directory; started as etcd, none.
                """
            ),
        ]
    )

    private static let tls = FlagTable<ServeOptions>.Group(
        "TLS",
        [
            Flag(
                "cert-file",
                \.certificateFile,
                placeholder: "FILE",
                "The server's certificate and its intermediates, PEM. Read again when it changes."
            ),
            Flag(
                "key-file",
                \.keyFile,
                placeholder: "FILE",
                "The certificate's private key, PEM. Read again when it changes."
            ),
            Flag(
                "trusted-ca-file",
                \.trustedCAFile,
                placeholder: "FILE",
                """
                Certificates of the authorities that sign clients' certificates, PEM. With it, a \
                client must show a certificate.
                """
            ),
            Flag(
                "client-cert-auth",
                \.clientCertificateAuth,
                "Require a client certificate signed by one of --trusted-ca-file."
            ),
            Flag(
                "client-crl-file",
                \.clientCRLFile,
                placeholder: "FILE",
                "Revoked client certificates, PEM or DER. Read again when it changes."
            ),
            Flag(
                "client-cert-allowed-hostname",
                \.allowedHostnames,
                placeholder: "NAME,...",
                "A client's certificate must be valid for one of these names or addresses."
            ),
            Flag(
                "auto-tls",
                \.autoTLS,
                "Generate a self-signed certificate for https and unixs in the data directory."
            ),
            Flag(
                "tls-min-version",
                \.tlsVersionMin,
                "Oldest version of TLS accepted."
            ),
            Flag(
                "tls-max-version",
                \.tlsVersionMax,
                "Newest version of TLS accepted. Without it, the newest there is."
            ),
            Flag(
                "cipher-suites",
                \.cipherSuites,
                placeholder: "NAME,...",
                """
                Cipher suites of TLS 1.2 accepted, by their IANA names, as \
                TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256. Without it, those that offer forward \
                secrecy and authenticated encryption.
                """
            ),
        ]
    )

    private static let limits = FlagTable<ServeOptions>.Group(
        "Limits",
        [
            Flag(
                "quota-backend-bytes",
                \.quotaBytes,
                """
                Bytes that a tenant may store before writes are refused and the NOSPACE alarm is \
                raised. 0 stands for 2 GiB, a negative number for no limit.
                """
            ),
            Flag(
                "max-request-bytes",
                \.requestBytesMax,
                in: 1...536_870_912,
                "Size of the largest write accepted, in bytes."
            ),
            Flag(
                "max-txn-ops",
                \.txnOpsMax,
                in: 1...1_000_000,
                "Number of operations in the largest transaction accepted."
            ),
            Flag(
                "max-concurrent-streams",
                \.streamsPerConnectionMax,
                in: 1...UInt32.max,
                "Number of calls that one connection may have open."
            ),
            Flag(
                "max-connections",
                \.connectionsMax,
                in: 0...1_000_000,
                origin: .byre,
                """
                Number of client connections open at once; one more is closed as it comes. 0 \
                stands for as many as the limit on open files allows.
                """
            ),
            Flag(
                "cache-bytes",
                \.cacheBytesMax,
                in: 0...1_099_511_627_776,
                origin: .byre,
                "Bytes of memory for values read from the store or just written to it."
            ),
        ]
    )

    private static let keepalive = FlagTable<ServeOptions>.Group(
        "Keepalive",
        [
            Flag(
                "grpc-keepalive-min-time",
                \.keepaliveMinTime,
                "Shortest interval between a client's pings that is not held against it."
            ),
            Flag(
                "grpc-keepalive-interval",
                \.keepaliveInterval,
                "Idle time after which the server pings a client. 0 turns it off."
            ),
            Flag(
                "grpc-keepalive-timeout",
                \.keepaliveTimeout,
                "Time that a client has to answer a ping before its connection is closed."
            ),
        ]
    )

    private static let history = FlagTable<ServeOptions>.Group(
        "History",
        [
            Flag(
                "auto-compaction-mode",
                \.autoCompactionMode,
                "Whether --auto-compaction-retention is a time or a number of revisions."
            ),
            Flag(
                "auto-compaction-retention",
                \.autoCompactionRetention,
                placeholder: "DURATION|N",
                """
                History kept when the server compacts by itself. Periodic: a duration such as 30m, \
                or a number of hours. Revision: a number of revisions. 0 turns it off.
                """
            ),
            compactionBatchLimit, compactionSleepInterval,
        ]
    )

    private static let compactionBatchLimit = Flag<ServeOptions>(
        "compaction-batch-limit",
        \.compactionBatchLimit,
        in: 0...1_000_000,
        "Revisions removed in one step of a compaction. 0 stands for the default."
    )

    private static let compactionSleepInterval = Flag<ServeOptions>(
        "compaction-sleep-interval",
        \.compactionSleepInterval,
        "Pause between two steps of a compaction."
    )

    private static let timing = FlagTable<ServeOptions>.Group(
        "Timing",
        [
            progressNotifyInterval,
            Flag(
                "heartbeat-interval",
                \.heartbeatMilliseconds,
                "Milliseconds; at most a fifth of --election-timeout, otherwise without effect."
            ),
            Flag(
                "election-timeout",
                \.electionMilliseconds,
                """
                Milliseconds. As in etcd, a lease lasts at least one and a half times this long, \
                and a request may take twice this long and 5s.
                """
            ),
            Flag(
                "threads",
                \.threads,
                in: 0...1_024,
                origin: .byre,
                "Number of event loops that serve connections. 0 stands for one per core."
            ),
        ]
    )

    private static let progressNotifyInterval = Flag<ServeOptions>(
        "watch-progress-notify-interval",
        \.progressNotifyInterval,
        """
        Interval between progress notifications of a watch that asks for them, at least 100ms. 0 \
        stands for the default.
        """
    )

    private static let olderNames = FlagTable<ServeOptions>.Group(
        "Older names",
        [
            .renamed("experimental-compaction-batch-limit", to: compactionBatchLimit),
            .renamed("experimental-compaction-sleep-interval", to: compactionSleepInterval),
            .renamed("experimental-watch-progress-notify-interval", to: progressNotifyInterval),
        ]
    )

    private static let logging = FlagTable<ServeOptions>.Group(
        "Logging and identity",
        [
            Flag("log-level", \.logLevel, "Least level of the lines logged."),
            Flag(
                "log-format",
                \.logFormat,
                "One JSON object a line, or key=value pairs for people."
            ),
            Flag(
                "log-outputs",
                \.logOutputs,
                placeholder: "OUTPUT,...",
                "Where lines are logged: stderr, stdout, default (stderr), or paths of files."
            ),
            Flag(
                "claim-version",
                \.claimedVersion,
                origin: .byre,
                "The etcd version that the server claims to be."
            ),
        ]
    )
}
