package import ByreCore
import TLS
package import Tenancy

/// Everything the server needs to know, checked as a whole.
package struct ServeConfiguration: Sendable {
    /// The name under which the program was started, which decides on defaults.
    package let personality: Personality
    /// The flags, or what the configuration file says in their place; what is below replaces those
    /// it is made of.
    package let options: ServeOptions
    /// The configuration file, when there is one.
    package let file: String?
    /// All places listened on, and the rules there.
    package let listeners: [ListenerSpec]
    /// Who sees the keys of all tenants.
    package let administrators: [Administrator]
    package let dataDirectory: String
    /// The database that holds the tenants.
    package let store: StoreURL
    /// What MemberList tells of peers.
    package let peerURLs: [String]
    /// `nil` for none.
    package let autoCompaction: AutoCompaction?
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

    /// The tenant of every listener that flags ask for.
    package static let defaultTenant = "default"

    /// Checks the flags against each other.
    /// - Throws: ``UsageError`` naming the flags that contradict each other.
    package init(_ options: ServeOptions, personality: Personality) throws(UsageError) {
        try self.init(
            options,
            personality,
            listeners: try Self.listeners(options)
                + (try Self.adminListener(options, personality).map { [$0] } ?? []),
            administrators: [],
            file: nil
        )
    }

    /// Takes what a configuration file says, which has been checked.
    package init(_ file: ConfigFile, path: String, personality: Personality) throws(UsageError) {
        try self.init(
            file.options,
            personality,
            listeners: file.listeners,
            administrators: file.administrators,
            file: path
        )
    }

    private init(
        _ options: ServeOptions,
        _ personality: Personality,
        listeners: [ListenerSpec],
        administrators: [Administrator],
        file: String?
    ) throws(UsageError) {
        self.personality = personality
        self.options = options
        self.administrators = administrators
        self.file = file
        let directory = options.dataDirectory ?? personality.dataDirectory(name: options.name)
        self.dataDirectory = directory
        self.store = options.store ?? .sqlite(path: directory + "/byre.db")
        self.listeners = listeners
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

    /// Lines for the log: settings that were adjusted or have no effect.
    package var notes: [String] {
        var notes: [String] = []
        let options = self.options
        if let note = self.adminNote { notes.append(note) }
        let hasTLS = self.listeners.contains { $0.tls != nil }
        if !hasTLS, options.certificateFile != nil || options.autoTLS {
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
