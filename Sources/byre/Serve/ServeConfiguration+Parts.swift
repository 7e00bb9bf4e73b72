import ByreCore
import Engine
import EtcdServer
import HTTP2
import Logging
import SQLiteBackend
import TLS
import Transport

// What the parts of the server are told, each in its own terms.
extension ServeConfiguration {
    var storeConfiguration: Engine.Configuration {
        var configuration = Engine.Configuration()
        configuration.quota = Quota(bytes: self.quotaBytes)
        configuration.cacheBytes = self.options.cacheBytesMax
        if case .postgres = self.store {
            configuration.readerThreads = self.options.storeConnections - Self.connectionsReserved
        }
        configuration.requestTimeoutNanoseconds = self.requestTimeout.nanoseconds
        configuration.minLeaseTTLSeconds = self.leaseTTLSecondsMin
        configuration.leaseGraceNanoseconds = Int64(self.options.electionMilliseconds) * 1_000_000
        configuration.compactionBatchLimit = self.compactionBatchLimit
        configuration.compactionSleepNanoseconds = self.options.compactionSleepInterval.nanoseconds
        configuration.autoCompaction = self.autoCompaction
        configuration.watchProgressNanoseconds = self.progressNotifyInterval.nanoseconds
        return configuration
    }

    /// Connections to PostgreSQL that load no values: the writer's, the listener's, the read
    /// index's, and that of leases.
    private static var connectionsReserved: Int { 4 }

    /// - Parameter clientURLs: where MemberList tells clients to connect.
    func settings(clientURLs: [ListenURL]) -> Settings {
        var settings = Settings()
        settings.version = self.options.claimedVersion.server
        settings.maxRequestBytes = self.options.requestBytesMax
        settings.maxTxnOps = self.options.txnOpsMax
        settings.name = self.options.name
        settings.clientURLs = clientURLs.map(\.description)
        settings.peerURLs = self.peerURLs
        return settings
    }

    /// - Parameter filesMax: how many files and sockets the process may have open.
    func transportLimits(filesMax: UInt64) -> Transport.Limits {
        var limits = Transport.Limits()
        limits.connectionsMax = self.connectionsMax(filesMax: filesMax)
        limits.messageBytesMax = Settings.maxReceiveBytes(
            requestBytes: self.options.requestBytesMax
        )
        limits.session.streamsAnnounced = self.options.streamsPerConnectionMax
        limits.session.streamsMax = min(
            limits.session.streamsMax,
            Int(clamping: self.options.streamsPerConnectionMax)
        )
        return limits
    }

    /// Files that are kept for the store, its readers, event loops, logs and certificates.
    private static var filesReserved: UInt64 { 256 }

    private func connectionsMax(filesMax: UInt64) -> Int {
        let possible =
            filesMax > 2 * Self.filesReserved ? filesMax - Self.filesReserved : filesMax / 2
        let wanted = self.options.connectionsMax
        let most = Int(clamping: possible)
        return wanted == 0 ? most : min(wanted, most)
    }

    var keepalive: Keepalive {
        var keepalive = Keepalive()
        keepalive.minTime = self.options.keepaliveMinTime
        keepalive.timeout = self.options.keepaliveTimeout
        keepalive.interval = self.options.keepaliveInterval
        if keepalive.interval == .zero || keepalive.timeout == .zero {
            // Off: no connection is that old.
            keepalive.interval = .seconds(100 * 365 * 86_400)
        }
        return keepalive
    }

    /// Certificates and rules of a listener's TLS; the files are made if they are to be generated.
    func settings(_ tls: TLSSpec) throws(TLSError) -> ServerSettings {
        var settings: ServerSettings
        switch tls.certificates {
        case .files(let certificate, let key):
            settings = ServerSettings(certificateFile: certificate, keyFile: key)
        case .generated:
            settings = try SelfSigned.settings(
                in: self.dataDirectory + "/fixtures/client",
                hosts: self.certifiedHosts
            )
        }
        settings.trustedCAFiles = tls.trustedCAFiles
        settings.clientCertificates = tls.trustedCAFiles.isEmpty ? .ignored : .required
        settings.revocationFiles = tls.revocationFiles
        settings.allowedHostnames = tls.allowedHostnames
        settings.versions = try ProtocolVersion.range(from: tls.versionMin, to: tls.versionMax)
        for name in tls.cipherSuites {
            settings.cipherSuites.append(try CipherSuite(name: name))
        }
        return settings
    }

    /// The names and addresses that a generated certificate is for.
    private var certifiedHosts: [String] {
        var hosts = ["localhost", "127.0.0.1", "::1", hostName()]
        for url in self.listeners.map(\.url) + self.options.advertiseClientURLs
        where !url.isWildcard {
            if case .host(let host, port: _) = url.place, !hosts.contains(host) {
                hosts.append(host)
            }
        }
        return hosts
    }

    var logLevel: Logger.Level {
        switch self.options.logLevel {
        case .debug: .debug
        case .info: .info
        case .warn: .warning
        case .error: .error
        case .panic, .fatal: .critical
        }
    }

    var logFormat: LineLogHandler.Format {
        switch self.options.logFormat {
        case .json: .json
        case .console: .console
        }
    }
}
