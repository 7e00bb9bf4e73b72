import AdminServer
import Engine
import EtcdServer
import GRPC
import Logging
import TLS
import Tenancy
import Transport

/// What the servers of the process have in common, and what each is made of.
///
/// Each kind of listener has a server of its own, with its own methods, event loops and bound on
/// connections: what tenants do to theirs does not keep an administrator out of his.
struct ServerParts: Sendable {
    /// Connections to the admin API and to the metrics, which few have use for.
    private static let otherConnectionsMax = 1_024
    /// What a message of an import may have beyond a write: other keys, and the frame.
    private static let frameBytesOverRequest = 1 << 20

    private let configuration: ServeConfiguration
    private let places: Places
    private let security: [TLSSpec: ReloadingContext]
    private let limits: Transport.Limits
    private let logger: Logger
    private let etcd: EtcdServer
    private let metrics: Metrics
    private let admin: AdminServer
    private let health = Health()
    private let servers = RunningServers()

    init(
        _ configuration: ServeConfiguration,
        _ places: Places,
        store: Store,
        security: [TLSSpec: ReloadingContext],
        filesMax: UInt64,
        _ logger: Logger
    ) {
        self.configuration = configuration
        self.places = places
        self.security = security
        self.limits = configuration.transportLimits(filesMax: filesMax)
        self.logger = logger
        let rules = places.all.enumerated().map { index, place in
            (Self.name(place, index), place.spec.rules)
        }
        self.etcd = EtcdServer(
            store: store,
            access: TenantAccess(store, rules: Dictionary(uniqueKeysWithValues: rules)),
            settings: configuration.settings(
                clientURLs: places.advertised
            )
        )
        self.admin = AdminServer(
            store: store,
            rules: places.all.map(\.spec.rules),
            program: "byre \(ByreVersion.current)",
            logger: logger
        )
        self.metrics = Metrics(
            store: store,
            settings: self.etcd.settings,
            filesMax: filesMax,
            certificates: Array(security.values)
        )
    }

    /// What the connections of a listener are called.
    private static func name(_ place: Places.Place, _ index: Int) -> String {
        "\(index) \(place.spec.url)"
    }

    /// Starts a server for each kind of listener that there is.
    func start() throws(StartError) -> RunningServers {
        for configuration in [self.administration, self.clients, self.http, self.monitoring]
        where !configuration.listeners.isEmpty {
            do throws(TransportError) {
                let server = try blocking { () async throws(TransportError) in
                    try await Server.start(configuration)
                }
                self.servers.add(server)
            } catch {
                let started = self.servers.all
                blocking { for server in started { await server.stop(grace: .zero) } }
                throw StartError("\(error)")
            }
        }
        return self.servers
    }

    // MARK: Kinds of servers

    private var clients: ServerConfiguration {
        let isAlone = self.places.having(.http).isEmpty
        var server = self.server(
            .client,
            methods: self.etcd.methods + self.health.methods,
            http: isAlone ? self.pages(.all) : nil
        )
        let threads = self.configuration.options.threads
        server.loopCount = threads == 0 ? nil : threads
        server.review = StreamReview(etcd: self.etcd)
        return server
    }

    private var http: ServerConfiguration {
        self.server(.http, methods: [], http: self.pages(.all))
    }

    private var monitoring: ServerConfiguration {
        var server = self.server(.metrics, methods: [], http: self.pages(.monitoring))
        server.limits.connectionsMax = min(Self.otherConnectionsMax, self.limits.connectionsMax)
        return server
    }

    /// A unix socket is for who may open it, TLS for administrators.
    private var administration: ServerConfiguration {
        var server = self.server(
            .admin,
            methods: AdminGate(etcd: self.etcd).guarding(self.admin.methods)
                + self.health.methods,
            http: nil
        )
        server.limits.connectionsMax = min(Self.otherConnectionsMax, self.limits.connectionsMax)
        server.limits.messageBytesMax += Self.frameBytesOverRequest
        return server
    }

    private func server(
        _ role: ListenerSpec.Role,
        methods: [Method],
        http: (any HTTPHandler)?
    ) -> ServerConfiguration {
        var server = ServerConfiguration(
            listeners: self.listeners(role),
            methods: methods,
            http: http,
            logger: self.logger
        )
        server.loopCount = 1
        server.limits = self.limits
        server.keepalive = self.configuration.keepalive
        return server
    }

    private func pages(_ scope: Pages.Scope) -> Pages {
        Pages(
            etcd: self.etcd,
            metrics: self.metrics,
            servers: self.servers,
            scope: scope,
            // Flags bind every listener to one tenant, and then the server is that tenant's.
            isOneTenants: self.configuration.file == nil
        )
    }

    private func listeners(_ role: ListenerSpec.Role) -> [Listener] {
        self.places.all.enumerated().filter { $1.spec.role == role }.map { index, place in
            let address: Listener.Address =
                switch place.spec.url.place {
                case .host(let host, let port):
                    .tcp(host: ListenCheck.literal(host), port: port)
                case .path(let path): .unix(path: path)
                }
            var listener = Listener(
                name: Self.name(place, index),
                address: address,
                security: place.spec.tls.flatMap { self.security[$0] }
            )
            listener.socket = place.socket
            listener.socketMode = place.spec.socketMode
            return listener
        }
    }
}

/// Ends the streams of clients that are not, or not any more, whom they were let in as.
struct StreamReview: CallReview {
    let etcd: EtcdServer

    var version: Int { self.etcd.access.version }

    func verdict(on call: ServerCall) -> Status? { self.etcd.verdict(on: call) }
}
