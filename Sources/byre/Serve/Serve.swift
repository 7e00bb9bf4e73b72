import ByreCore
import Engine
import EtcdServer
import GRPC
import Glibc
import Logging
import SQLiteBackend
import TLS
import Transport

/// A running server: from a checked configuration to `ready to serve client requests`, and back.
///
/// Everything that can be refused without touching the disk is looked at first: log files,
/// certificates, addresses. The store is opened after that, and connections are accepted last.
final class Serve: Sendable {
    /// How long running calls and streams have to end after a signal. What follows, the last commit
    /// and closing the store, fits into the rest of the 5 seconds that a stop may take.
    private static let stopGrace = Duration.seconds(3)
    /// Seconds after the signal at which the process ends whatever it is still waiting for.
    private static let stopSecondsMax: UInt32 = 5

    private let logger: Logger
    private let store: Store
    private let servers: RunningServers

    /// Starts everything.
    /// - Throws: ``StartError``; nothing runs then.
    private init(
        _ configuration: ServeConfiguration,
        notes: [String],
        _ logger: Logger
    ) throws(StartError) {
        let filesMax = FileLimit.raise()
        let places = try Places(configuration)
        let isGenerated = configuration.certificates == .generated
        let loaded = isGenerated ? nil : try Self.security(configuration, logger)
        let backend = try Self.openBackend(configuration)
        // Only now is the data directory known to be ours to write to.
        let security = isGenerated ? try Self.security(configuration, logger) : loaded
        // Nothing is logged before: what cannot start says so in one line.
        logger.info(
            "starting",
            metadata: [
                "version": "\(ByreVersion.current)",
                "etcd-version": "\(configuration.options.claimedVersion.server)",
                "store": "\(configuration.databasePath)",
                "pid": "\(getpid())",
                "files-max": "\(filesMax)",
            ]
        )
        for note in notes + (security?.context(at: .now).warnings ?? []) {
            logger.warning("\(note)")
        }
        let store = try Self.openStore(on: backend, configuration, logger)
        do throws(StartError) {
            guard let tenant = store.tenant(named: Self.tenantName) else {
                throw StartError(
                    "\(configuration.databasePath) has no tenant named \(Self.tenantName)"
                )
            }
            let etcd = EtcdServer(
                store: store,
                tenant: tenant,
                settings: configuration.settings(clientURLs: places.advertised)
            )
            let parts = ServerParts(
                configuration: configuration,
                limits: configuration.transportLimits(filesMax: filesMax),
                security: security,
                logger: logger,
                etcd: etcd,
                metrics: Metrics(
                    store: store,
                    tenant: tenant,
                    settings: etcd.settings,
                    filesMax: filesMax
                )
            )
            self.servers = try Self.startServers(parts, places)
        } catch {
            store.stop()
            throw error
        }
        self.logger = logger
        self.store = store
        logger.info(
            "ready to serve client requests",
            metadata: ["urls": "\(places.all.map(\.description).joined(separator: ","))"]
        )
    }

    /// Serves until a signal comes.
    /// - Returns: after everything has ended in good order.
    /// - Throws: ``StartError`` when the server cannot start.
    static func run(_ configuration: ServeConfiguration, notes: [String]) throws(StartError) {
        StopSignals.block()
        let sink = try LogSink(outputs: configuration.options.logOutputs)
        let handler = LineLogHandler(
            level: configuration.logLevel,
            format: configuration.logFormat,
            sink: sink
        )
        let logger = Logger(label: "byre") { _ in handler }
        let serve = try Serve(configuration, notes: notes, logger)
        let name = StopSignals.wait()
        StopSignals.unblock()
        // A disk that no longer answers must not keep the process: what was acknowledged is safe.
        alarm(Self.stopSecondsMax)
        logger.info("stopping", metadata: ["signal": "\(name)"])
        serve.stop()
        logger.info("stopped")
    }

    private func stop() {
        let servers = self.servers.all
        blocking {
            await withDiscardingTaskGroup { group in
                for server in servers {
                    group.addTask { await server.stop(grace: Self.stopGrace) }
                }
            }
        }
        self.store.stop()
    }
}

// MARK: Parts

extension Serve {
    /// The tenant that every listener is bound to.
    private static let tenantName = "default"

    /// Loads certificates, or makes them.
    /// - Returns: nil when no listener has TLS.
    private static func security(
        _ configuration: ServeConfiguration,
        _ logger: Logger
    ) throws(StartError) -> ReloadingContext? {
        do throws(TLSError) {
            guard let settings = try configuration.tlsSettings() else { return nil }
            return try ReloadingContext(settings, at: .now) { change in
                switch change {
                case .loaded(let warnings):
                    logger.info("certificates loaded again")
                    for warning in warnings { logger.warning("\(warning)") }
                case .refused(let error):
                    logger.error(
                        "certificates cannot be loaded again; the last good ones stay in use",
                        metadata: ["error": "\(error)"]
                    )
                }
            }
        } catch {
            throw StartError("\(error)")
        }
    }

    /// Opens the database, making it if it is missing.
    private static func openBackend(
        _ configuration: ServeConfiguration
    ) throws(StartError) -> SQLiteBackend {
        do throws(StoreError) {
            switch configuration.options.store {
            case .sqlite(let path): return try SQLiteBackend(path: path)
            case nil: return try SQLiteBackend(directory: configuration.dataDirectory)
            }
        } catch {
            throw StartError("\(error)")
        }
    }

    /// Reads the store, whose indexes are in memory, and starts its threads.
    private static func openStore(
        on backend: SQLiteBackend,
        _ configuration: ServeConfiguration,
        _ logger: Logger
    ) throws(StartError) -> Store {
        let start = ContinuousClock.now
        do throws(BackendError) {
            let store = try Store(
                backend: backend,
                configuration: configuration.storeConfiguration,
                newTenant: Self.newTenant(),
                encodeEvent: EtcdServer.encodeEvent,
                report: { report in Self.log(report, logger) }
            )
            let took = ContinuousClock.now - start
            logger.info(
                "store is read",
                metadata: ["milliseconds": "\(took.nanoseconds / 1_000_000)"]
            )
            return store
        } catch {
            backend.close()
            throw StartError("\(configuration.databasePath): \(error)")
        }
    }

    /// The tenant of a fresh store: a plain etcd, quota included.
    private static func newTenant() -> TenantDefinition {
        var generator = SystemRandomNumberGenerator()
        var tenant = TenantDefinition(
            name: Self.tenantName,
            uid: TenantDefinition.randomUID(using: &generator),
            prefix: TenantDefinition.defaultPrefix(of: Self.tenantName),
            createdAt: WallClock.system.seconds()
        )
        tenant.limits.spaceMode = .strict
        return tenant
    }

    private static func log(_ report: StoreReport, _ logger: Logger) {
        switch report {
        case .commitFailed(let error):
            logger.error("commits fail; writes are refused", metadata: ["error": "\(error)"])
        case .commitsResumed:
            logger.notice("commits work again")
        case .maintenanceFailed(let error):
            logger.warning(
                "housekeeping failed and will be tried again",
                metadata: ["error": "\(error)"]
            )
        }
    }

    /// What all servers of the process have in common.
    private struct ServerParts {
        let configuration: ServeConfiguration
        let limits: Transport.Limits
        let security: ReloadingContext?
        let logger: Logger
        let etcd: EtcdServer
        let metrics: Metrics
        let health = Health()
        let servers = RunningServers()

        func pages(_ scope: Pages.Scope) -> Pages {
            Pages(etcd: self.etcd, metrics: self.metrics, servers: self.servers, scope: scope)
        }

        func listeners(_ name: String, _ urls: [ListenURL]) -> [Listener] {
            urls.map { url in
                let address: Listener.Address =
                    switch url.place {
                    case .host(let host, let port):
                        .tcp(host: ListenCheck.literal(host), port: port)
                    case .path(let path): .unix(path: path)
                    }
                return Listener(
                    name: name,
                    address: address,
                    security: url.isTLS ? self.security : nil
                )
            }
        }
    }

    /// Starts the server of the clients, and those of other HTTP if there are any.
    private static func startServers(
        _ parts: ServerParts,
        _ places: Places
    ) throws(StartError) -> RunningServers {
        let options = parts.configuration.options
        var clients = ServerConfiguration(
            listeners: parts.listeners("client", places.client),
            methods: parts.etcd.methods + parts.health.methods,
            http: places.http.isEmpty ? parts.pages(.all) : nil,
            logger: parts.logger
        )
        clients.loopCount = options.threads == 0 ? nil : options.threads
        clients.limits = parts.limits
        clients.keepalive = parts.configuration.keepalive
        var all = [clients]
        for (name, urls, scope) in [
            ("http", places.http, Pages.Scope.all), ("metrics", places.metrics, .monitoring),
        ] where !urls.isEmpty {
            var other = clients
            other.listeners = parts.listeners(name, urls)
            other.methods = []
            other.http = parts.pages(scope)
            other.loopCount = 1
            all.append(other)
        }
        for configuration in all {
            do throws(TransportError) {
                let server = try blocking { () async throws(TransportError) in
                    try await Server.start(configuration)
                }
                parts.servers.add(server)
            } catch {
                let started = parts.servers.all
                blocking { for server in started { await server.stop(grace: .zero) } }
                throw StartError("\(error)")
            }
        }
        return parts.servers
    }
}
