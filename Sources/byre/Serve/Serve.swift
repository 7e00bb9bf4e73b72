import ByreCore
import Engine
import EtcdServer
import Files
import FoundationEssentials
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
        let specs = Set(configuration.listeners.compactMap(\.tls))
        var security = try Self.security(
            specs.filter { $0.certificates != .generated },
            configuration,
            logger
        )
        let backend = try Self.openBackend(configuration)
        // Only now is the data directory known to be ours to write to.
        if case .postgres = configuration.store, configuration.needsDataDirectory {
            // That of a file is there with the file.
            do throws(FileProblem) {
                try Directory.make(configuration.dataDirectory)
            } catch {
                throw StartError("cannot make \(error)")
            }
        }
        security.merge(
            try Self.security(
                specs.filter { $0.certificates == .generated },
                configuration,
                logger
            )
        ) { loaded, _ in loaded }
        // Nothing is logged before: what cannot start says so in one line.
        logger.info(
            "starting",
            metadata: [
                "version": "\(ByreVersion.current)",
                "etcd-version": "\(configuration.options.claimedVersion.server)",
                "store": "\(configuration.store)",
                "config": "\(configuration.file ?? "")",
                "pid": "\(getpid())",
                "files-max": "\(filesMax)",
            ]
        )
        for note in notes + security.values.flatMap({ $0.context(at: .now).warnings }) {
            logger.warning("\(note)")
        }
        let store = try Self.openStore(on: backend, configuration, places, logger)
        do throws(StartError) {
            let parts = ServerParts(
                configuration,
                configuration.file == nil
                    ? places.bound(to: try Self.tenantOfFlags(store, configuration).name) : places,
                store: store,
                security: security,
                filesMax: filesMax,
                logger
            )
            self.servers = try parts.start()
        } catch {
            store.stop()
            throw error
        }
        self.logger = logger
        self.store = store
        logger.info(
            "ready to serve client requests",
            metadata: [
                "urls": "\(places.all.map(\.spec.url.description).joined(separator: ","))"
            ]
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
        let environment = ProcessInfo.processInfo.environment
        ServiceManager.tell(.ready, environment: environment)
        let name = StopSignals.wait()
        ServiceManager.tell(.stopping, environment: environment)
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

extension Store {
    /// The tenant of a server that flags alone describe: `default`, or the one that there is, in a
    /// store that is a dedicated tenant's own.
    var tenantOfFlags: TenantStore? {
        let tenants = self.directory
        if let tenant = tenants[name: ServeConfiguration.defaultTenant] { return tenant }
        guard tenants.all.count == 1, let tenant = tenants.all.first else { return nil }
        let definition = tenant.definition
        return definition.isolation == .dedicated && definition.home == nil ? tenant : nil
    }
}

// MARK: Parts

extension Serve {
    /// Without a configuration file all listeners are bound to one tenant, which must be there.
    private static func tenantOfFlags(
        _ store: Store,
        _ configuration: ServeConfiguration
    ) throws(StartError) -> TenantStore {
        guard let tenant = store.tenantOfFlags else {
            throw StartError(
                "\(configuration.store) has no tenant named \(ServeConfiguration.defaultTenant)"
            )
        }
        return tenant
    }

    /// Loads certificates, or makes them; listeners with the same files share what is loaded.
    private static func security(
        _ specs: Set<TLSSpec>,
        _ configuration: ServeConfiguration,
        _ logger: Logger
    ) throws(StartError) -> [TLSSpec: ReloadingContext] {
        var contexts: [TLSSpec: ReloadingContext] = [:]
        do throws(TLSError) {
            for spec in specs {
                contexts[spec] = try ReloadingContext(
                    configuration.settings(spec),
                    at: .now
                ) { change in
                    self.log(change, logger)
                }
            }
        } catch {
            throw StartError("\(error)")
        }
        return contexts
    }

    private static func log(_ change: ReloadingContext.Change, _ logger: Logger) {
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

    /// Opens the database, making it if it is missing.
    private static func openBackend(
        _ configuration: ServeConfiguration
    ) throws(StartError) -> any Backend {
        do throws(StoreError) {
            guard configuration.options.store == nil else {
                return try StoreOpening.open(configuration.store)
            }
            // A directory may be refused for what else is in it.
            return try SQLiteStore(directory: configuration.dataDirectory)
        } catch {
            throw StartError("\(error)")
        }
    }

    /// Reads the store, whose indexes are in memory, and starts its threads.
    private static func openStore(
        on backend: any Backend,
        _ configuration: ServeConfiguration,
        _ places: Places,
        _ logger: Logger
    ) throws(StartError) -> Store {
        let start = ContinuousClock.now
        do throws(BackendError) {
            let store = try Store(
                backend: backend,
                configuration: configuration.storeConfiguration,
                instance: InstanceRecord(
                    name: configuration.options.name,
                    clientURLs: places.advertised.map(\.description)
                ),
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
            throw StartError("\(configuration.store): \(error)")
        }
    }

    /// The tenant of a fresh store: a plain etcd, quota included.
    private static func newTenant() -> TenantDefinition {
        var generator = SystemRandomNumberGenerator()
        var tenant = TenantDefinition(
            name: ServeConfiguration.defaultTenant,
            uid: TenantDefinition.randomUID(using: &generator),
            prefix: TenantDefinition.defaultPrefix(of: ServeConfiguration.defaultTenant),
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
}
