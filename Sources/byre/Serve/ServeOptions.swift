package import TLS

/// What the flags of `byre serve` say, each by itself; their defaults are the values here.
///
/// ``ServeConfiguration`` is made of this, once, and checks what concerns several flags.
package struct ServeOptions: FlagOptions {
    package enum LogLevel: String, FlagChoice {
        case debug
        case info
        case warn
        case error
        case panic
        case fatal
    }

    package enum LogFormat: String, FlagChoice {
        case json
        case console
    }

    /// Says everything else, when it is given.
    package var configFile: String?

    // The member and its store.
    package var name = "default"
    package var dataDirectory: String?
    package var store: StoreURL?
    package var storeConnections = 6

    // Where it listens.
    package var listenClientURLs = [
        ListenURL(isTLS: false, place: .host("localhost", port: 2379))
    ]
    package var advertiseClientURLs: [ListenURL] = []
    package var advertisePeerURLs: [ListenURL] = []
    package var listenClientHTTPURLs: [ListenURL] = []
    package var listenMetricsURLs: [ListenURL] = []
    package var listenAdminURL: AdminListening?

    // TLS.
    package var certificateFile: String?
    package var keyFile: String?
    package var trustedCAFile: String?
    package var clientCertificateAuth = false
    package var clientCRLFile: String?
    package var allowedHostnames: [String] = []
    package var autoTLS = false
    package var tlsVersionMin: ProtocolVersion? = .tls12
    package var tlsVersionMax: ProtocolVersion?
    package var cipherSuites: [String] = []

    // Limits.
    package var quotaBytes: Int64 = 0
    package var requestBytesMax = 1_572_864
    package var txnOpsMax = 128
    package var streamsPerConnectionMax = UInt32.max
    package var connectionsMax = 0
    package var cacheBytesMax = 268_435_456

    // Keepalive of connections.
    package var keepaliveMinTime = Duration.seconds(5)
    package var keepaliveInterval = Duration.seconds(7_200)
    package var keepaliveTimeout = Duration.seconds(20)

    // History.
    package var autoCompactionMode = AutoCompactionMode.periodic
    package var autoCompactionRetention = "0"
    package var compactionBatchLimit = 1_000
    package var compactionSleepInterval = Duration.milliseconds(10)

    // Watches, leases, timeouts.
    package var progressNotifyInterval = Duration.seconds(600)
    package var heartbeatMilliseconds: UInt = 100
    package var electionMilliseconds: UInt = 1_000

    // The rest.
    package var threads = 0
    package var claimedVersion = ClaimedVersion.current
    package var logLevel = LogLevel.info
    package var logFormat = LogFormat.json
    package var logOutputs = ["stderr"]

    package init() {}
}

extension ProtocolVersion: FlagChoice {}
