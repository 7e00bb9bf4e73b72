import ByreCore
import Tenancy
import Testing
import byre

@Suite struct ServeConfigurationTests {
    static func configuration(_ arguments: String...) throws -> ServeConfiguration {
        try configuration(arguments)
    }

    static func configuration(_ arguments: [String]) throws -> ServeConfiguration {
        let outcome = try Personality.byre.parser.parse(arguments, environment: [:])
        return try ServeConfiguration(outcome.options, personality: .byre)
    }

    @Test func theDefaultsAreEtcds() throws {
        let configuration = try Self.configuration()
        #expect(configuration.dataDirectory == "default.byre")
        #expect(configuration.store == .sqlite(path: "default.byre/byre.db"))
        #expect(
            configuration.listeners.map(\.url.description)
                == ["http://localhost:2379", "unix://default.byre/admin.sock"]
        )
        #expect(configuration.listeners.map(\.tls) == [nil, nil])
        #expect(configuration.listeners.map(\.socketMode) == [nil, 0o600])
        #expect(configuration.peerURLs.isEmpty)
        #expect(configuration.listeners[0].rules.binding == .tenant("default"))
        #expect(configuration.quotaBytes == 2_147_483_648)
        #expect(configuration.autoCompaction == nil)
        #expect(configuration.compactionBatchLimit == 1_000)
        #expect(configuration.progressNotifyInterval == .seconds(600))
        #expect(configuration.leaseTTLSecondsMin == 2)
        #expect(configuration.requestTimeout == .seconds(7))
        #expect(configuration.notes.isEmpty)
    }

    @Test(
        arguments: [
            (["--auto-compaction-retention=0"], nil),
            (["--auto-compaction-retention=1"], .periodic(retentionNanoseconds: 3_600_000_000_000)),
            (["--auto-compaction-retention=5m"], .periodic(retentionNanoseconds: 300_000_000_000)),
            (["--auto-compaction-retention=0s"], nil),
            (
                ["--auto-compaction-mode=revision", "--auto-compaction-retention=1000"],
                .revision(retention: 1_000)
            ),
            (["--auto-compaction-mode=revision"], nil),
        ] as [([String], AutoCompaction?)]
    )
    func retentionReadsAsInEtcd(arguments: [String], expected: AutoCompaction?) throws {
        #expect(try Self.configuration(arguments).autoCompaction == expected)
    }

    @Test(arguments: [
        (100, 1_000, 2, 7_000), (10, 100, 1, 5_200), (100, 1_500, 3, 8_000),
        (1_000, 50_000, 75, 105_000),
    ])
    func leaseAndRequestTimesFollowTheElectionTimeout(
        heartbeat: Int,
        election: Int,
        leaseSeconds: Int64,
        requestMilliseconds: Int
    ) throws {
        let configuration = try Self.configuration(
            "--heartbeat-interval=\(heartbeat)",
            "--election-timeout=\(election)"
        )
        #expect(configuration.leaseTTLSecondsMin == leaseSeconds)
        #expect(configuration.requestTimeout == .milliseconds(requestMilliseconds))
    }

    @Test func aNegativeQuotaIsNone() throws {
        #expect(try Self.configuration("--quota-backend-bytes=-1").quotaBytes == nil)
        #expect(try Self.configuration("--quota-backend-bytes=65536").quotaBytes == 65_536)
    }

    @Test func aShortProgressIntervalIsRaisedAndNoted() throws {
        let configuration = try Self.configuration("--watch-progress-notify-interval=1ms")
        #expect(configuration.progressNotifyInterval == .milliseconds(100))
        #expect(configuration.notes == ["--watch-progress-notify-interval is raised to 100ms"])
    }

    @Test func certificatesComeFromFilesOrAreGenerated() throws {
        let https = "--listen-client-urls=https://127.0.0.1:1"
        #expect(
            try Self.configuration(https, "--cert-file=c", "--key-file=k").listeners[0].tls?
                .certificates
                == .files(certificate: "c", key: "k")
        )
        #expect(
            try Self.configuration(https, "--auto-tls").listeners[0].tls?.certificates
                == .generated
        )
        let plain = try Self.configuration("--cert-file=c", "--key-file=k")
        #expect(plain.listeners[0].tls == nil)
        #expect(plain.notes.count == 1)
    }

    @Test func aTrustedAuthorityMeansThatClientsShowCertificates() throws {
        let flags = ["--listen-client-urls=https://127.0.0.1:1", "--cert-file=c", "--key-file=k"]
        func authorities(_ arguments: [String]) throws -> [String]? {
            try Self.configuration(arguments).listeners[0].tls?.trustedCAFiles
        }
        #expect(try authorities(flags) == [])
        #expect(try authorities(flags + ["--trusted-ca-file=a"]) == ["a"])
    }

    @Test(arguments: [
        (["--listen-client-urls="], "--listen-client-urls names no URL"),
        (
            ["--listen-client-urls=http://byre.example:1"],
            "--listen-client-urls: http://byre.example:1 must name an IP address or localhost"
        ),
        (
            ["--listen-metrics-urls=https://127.0.0.1:1"],
            "--listen-metrics-urls: https://127.0.0.1:1 needs --cert-file and --key-file, or --auto-tls"
        ),
        (["--cert-file=c"], "--cert-file needs --key-file"),
        (["--key-file=k"], "--key-file needs --cert-file"),
        (["--client-cert-auth"], "--client-cert-auth needs --trusted-ca-file"),
        (["--client-crl-file=r"], "--client-crl-file needs --trusted-ca-file"),
        (
            ["--client-cert-allowed-hostname=h"],
            "--client-cert-allowed-hostname needs --trusted-ca-file"
        ),
        (
            ["--tls-min-version=TLS1.3", "--tls-max-version=TLS1.2"],
            "--tls-min-version TLS1.3 is newer than --tls-max-version TLS1.2"
        ),
        (["--heartbeat-interval=0"], "--heartbeat-interval must be more than 0"),
        (["--election-timeout=0"], "--election-timeout must be more than 0"),
        (["--election-timeout=50001"], "--election-timeout 50001 is more than 50000"),
        (
            ["--heartbeat-interval=300"],
            "--election-timeout 1000 is less than 5 times --heartbeat-interval 300"
        ),
        (
            ["--grpc-keepalive-interval=-1s"],
            "--grpc-keepalive-interval: -1s is negative"
        ),
        (
            ["--auto-compaction-retention=soon"],
            "--auto-compaction-retention: \"soon\" is not a duration such as 500ms, 5s, 10m or 1h30m"
        ),
        (
            ["--auto-compaction-mode=revision", "--auto-compaction-retention=5m"],
            "--auto-compaction-retention: \"5m\" is not a number of revisions"
        ),
        (
            ["--auto-compaction-retention=-1"],
            "--auto-compaction-retention: \"-1\" is not a number of hours from 0 to 876000"
        ),
    ])
    func flagsThatContradictEachOtherAreNamed(arguments: [String], message: String) {
        #expect(throws: UsageError(message)) { try Self.configuration(arguments) }
    }
}
