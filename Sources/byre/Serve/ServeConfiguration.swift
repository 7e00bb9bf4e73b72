package import ByreCore
import TLS

/// Everything the server needs to know, checked as a whole.
package struct ServeConfiguration: Sendable {
    /// Certificates of the listeners with TLS.
    package enum Certificates: Hashable, Sendable {
        /// PEM files, read again when they change.
        case files(certificate: String, key: String)
        /// Self-signed, generated in the data directory if it is not there yet.
        case generated
    }

    /// The name under which the program was started, which decides on defaults.
    package let personality: Personality
    /// The flags; what is below replaces those it is made of.
    package let options: ServeOptions
    package let dataDirectory: String
    /// Path of the SQLite database file.
    package let databasePath: String
    /// What MemberList tells of peers.
    package let peerURLs: [String]
    /// `nil` for none.
    package let autoCompaction: AutoCompaction?
    /// `nil` when no listener has TLS.
    package let certificates: Certificates?
    /// Whether a client must show a certificate that `options.trustedCAFile` vouches for.
    package let requiresClientCertificate: Bool
    /// Bytes per tenant; `nil` for no limit.
    package let quotaBytes: Int64?
    package let compactionBatchLimit: Int
    package let progressNotifyInterval: Duration
    /// Shortest time to live of a lease, in seconds.
    package let leaseTTLSecondsMin: Int64
    /// How long a request may take.
    package let requestTimeout: Duration

    /// etcd's limits and defaults that several flags share.
    ///
    /// Source: etcd `server/embed/config.go`, `server/etcdserver/server.go`,
    /// `server/storage/quota.go`, `server/etcdserver/api/v3rpc/watch.go`.
    private enum Limits {
        static let electionMillisecondsMax: UInt = 50_000
        static let heartbeatsPerElectionMin: UInt = 5
        static let quotaBytesDefault: Int64 = 2 << 30
        static let compactionBatchDefault = 1_000
        static let progressIntervalDefault = Duration.seconds(600)
        static let progressIntervalMin = Duration.milliseconds(100)
        static let requestTimeoutBase = Duration.seconds(5)
    }

    /// Checks the flags against each other.
    /// - Throws: ``UsageError`` naming the flags that contradict each other.
    package init(_ options: ServeOptions, personality: Personality) throws(UsageError) {
        self.personality = personality
        self.options = options
        let directory = options.dataDirectory ?? personality.dataDirectory(name: options.name)
        self.dataDirectory = directory
        switch options.store {
        case .sqlite(let path): self.databasePath = path
        case nil: self.databasePath = directory + "/byre.db"
        }
        let peerURLs = options.advertisePeerURLs.map(\.description)
        self.peerURLs = peerURLs.isEmpty ? personality.peerURLs : peerURLs
        do {
            self.autoCompaction = try options.autoCompactionMode.compaction(
                retention: options.autoCompactionRetention
            )
        } catch {
            throw UsageError(
                "--auto-compaction-retention: \"\(options.autoCompactionRetention)\" "
                    + error.reason
            )
        }
        try Self.check(listening: options)
        self.certificates = try Self.certificates(options)
        self.requiresClientCertificate =
            self.certificates != nil
            && (options.clientCertificateAuth || options.trustedCAFile != nil)
        try Self.check(timing: options)
        self.quotaBytes =
            switch options.quotaBytes {
            case 0: Limits.quotaBytesDefault
            case ..<0: nil
            default: options.quotaBytes
            }
        self.compactionBatchLimit =
            options.compactionBatchLimit == 0
            ? Limits.compactionBatchDefault : options.compactionBatchLimit
        self.progressNotifyInterval =
            options.progressNotifyInterval == .zero
            ? Limits.progressIntervalDefault
            : max(options.progressNotifyInterval, Limits.progressIntervalMin)
        let electionMilliseconds = Int64(options.electionMilliseconds)
        // ceil(3 * election timeout / 2), in seconds.
        self.leaseTTLSecondsMin = (3 * electionMilliseconds + 1_999) / 2_000
        self.requestTimeout =
            Limits.requestTimeoutBase + .milliseconds(2 * electionMilliseconds)
    }

    /// All places listened on, with the flag that names each.
    package var listeners: [(flag: String, url: ListenURL)] { Self.listeners(self.options) }

    /// Lines for the log: settings that were adjusted or have no effect.
    package var notes: [String] {
        var notes: [String] = []
        let options = self.options
        if self.certificates == nil, options.certificateFile != nil || options.autoTLS {
            notes.append("certificates are given, but no URL listened on has TLS")
        }
        if options.progressNotifyInterval > .zero,
            options.progressNotifyInterval < self.progressNotifyInterval
        {
            notes.append(
                "--watch-progress-notify-interval is raised to "
                    + self.progressNotifyInterval.flagText
            )
        }
        return notes
    }

    private static func listeners(_ options: ServeOptions) -> [(flag: String, url: ListenURL)] {
        options.listenClientURLs.map { ("--listen-client-urls", $0) }
            + options.listenClientHTTPURLs.map { ("--listen-client-http-urls", $0) }
            + options.listenMetricsURLs.map { ("--listen-metrics-urls", $0) }
    }

    private static func check(listening options: ServeOptions) throws(UsageError) {
        if options.listenClientURLs.isEmpty {
            throw UsageError("--listen-client-urls names no URL")
        }
        var seen: Set<ListenURL> = []
        for (flag, url) in self.listeners(options) {
            if !seen.insert(url).inserted { throw UsageError("\(flag): \(url) is named twice") }
            if case .host(let host, port: _) = url.place, !isAddress(host), host != "localhost" {
                throw UsageError("\(flag): \(url) must name an IP address or localhost")
            }
        }
    }

    /// Decides which certificates the listeners show.
    private static func certificates(_ options: ServeOptions) throws(UsageError) -> Certificates? {
        if let oldest = options.tlsVersionMin, let newest = options.tlsVersionMax, oldest > newest {
            throw UsageError(
                "--tls-min-version \(oldest.rawValue) is newer than --tls-max-version "
                    + newest.rawValue
            )
        }
        if options.clientCertificateAuth && options.trustedCAFile == nil {
            throw UsageError("--client-cert-auth needs --trusted-ca-file")
        }
        if options.clientCRLFile != nil && options.trustedCAFile == nil {
            throw UsageError("--client-crl-file needs --trusted-ca-file")
        }
        if !options.allowedHostnames.isEmpty && options.trustedCAFile == nil {
            throw UsageError("--client-cert-allowed-hostname needs --trusted-ca-file")
        }
        let secure = self.listeners(options).first { $0.url.isTLS }
        switch (options.certificateFile, options.keyFile) {
        case (let certificate?, let key?):
            return secure == nil ? nil : .files(certificate: certificate, key: key)
        case (_?, nil): throw UsageError("--cert-file needs --key-file")
        case (nil, _?): throw UsageError("--key-file needs --cert-file")
        case (nil, nil): break
        }
        guard let secure else { return nil }
        guard options.autoTLS else {
            throw UsageError(
                "\(secure.flag): \(secure.url) needs --cert-file and --key-file, or --auto-tls"
            )
        }
        return .generated
    }

    private static func check(timing options: ServeOptions) throws(UsageError) {
        let heartbeat = options.heartbeatMilliseconds
        let election = options.electionMilliseconds
        if heartbeat == 0 { throw UsageError("--heartbeat-interval must be more than 0") }
        if election == 0 { throw UsageError("--election-timeout must be more than 0") }
        if election > Limits.electionMillisecondsMax {
            throw UsageError(
                "--election-timeout \(election) is more than \(Limits.electionMillisecondsMax)"
            )
        }
        if heartbeat > election / Limits.heartbeatsPerElectionMin {
            throw UsageError(
                "--election-timeout \(election) is less than \(Limits.heartbeatsPerElectionMin) "
                    + "times --heartbeat-interval \(heartbeat)"
            )
        }
        let durations = [
            ("--grpc-keepalive-min-time", options.keepaliveMinTime),
            ("--grpc-keepalive-interval", options.keepaliveInterval),
            ("--grpc-keepalive-timeout", options.keepaliveTimeout),
            ("--compaction-sleep-interval", options.compactionSleepInterval),
            ("--watch-progress-notify-interval", options.progressNotifyInterval),
        ]
        for (flag, duration) in durations where duration < .zero {
            throw UsageError("\(flag): \(duration.flagText) is negative")
        }
    }
}
