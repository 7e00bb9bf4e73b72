import Engine
import EtcdServer
import GRPC
import Synchronization
import Transport

/// Answers HTTP that is not gRPC.
struct Pages: HTTPHandler {
    /// Which pages a listener has.
    enum Scope: Sendable {
        /// All that clients may ask for.
        case all
        /// Those of `--listen-metrics-urls`: metrics and health.
        case monitoring

        /// Whether `path`, which is not that of the metrics, is among them.
        func has(_ path: String) -> Bool {
            switch self {
            case .all: true
            case .monitoring:
                ["/health", "/livez", "/readyz"].contains { root in
                    path == root || path.hasPrefix(root + "/")
                }
            }
        }
    }

    let etcd: EtcdServer
    let metrics: Metrics
    /// The servers whose counts the metrics show.
    let servers: RunningServers
    let scope: Scope
    /// Whether the only tenant is that of the flags, whose the server is.
    let isOneTenants: Bool

    /// Whose pages somebody may see.
    private enum Audience {
        case everything
        case tenant(TenantStore)
        case nobody(Status)
    }

    /// On the listeners of metrics everybody may see everything; on those of tenants, each what is
    /// his.
    private func audience(_ request: HTTPRequest) -> Audience {
        guard self.scope != .monitoring else { return .everything }
        let caller = self.etcd.access.caller(request.peer) {
            request.headers.first { $0.name == "host" }?.value
        }
        switch caller {
        case .tenant(let tenant): return .tenant(tenant)
        case .raw: return .everything
        case .rejected(let status): return .nobody(status)
        }
    }

    private func metrics(for audience: Audience) -> HTTPResponse {
        let text: String
        switch audience {
        case .everything: text = self.metrics.text(self.servers.all)
        case .tenant where self.isOneTenants && self.etcd.store.directory.all.count == 1:
            // What is the server's is the tenant's, until there is another.
            text = self.metrics.text(self.servers.all)
        case .tenant(let tenant): text = self.metrics.text(of: tenant)
        case .nobody(let status):
            return HTTPResponse(
                status: 403,
                headers: [("content-type", "text/plain; charset=utf-8")],
                body: Array((status.message + "\n").utf8)
            )
        }
        return HTTPResponse(
            status: 200,
            headers: [("content-type", MetricsText.contentType)],
            body: Array(text.utf8)
        )
    }

    /// The tenant whose alarms decide on health.
    ///
    /// Somebody who is nobody's learns that the server is there, and nothing of its tenants.
    private func judged(_ audience: Audience) -> TenantStore? {
        switch audience {
        case .tenant(let tenant): tenant
        case .everything:
            self.isOneTenants ? self.etcd.store.tenantOfFlags : nil
        case .nobody: nil
        }
    }

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        let audience = self.audience(request)
        if request.path == "/metrics", request.method == "GET" {
            return self.metrics(for: audience)
        }
        guard self.scope.has(request.path),
            let page = self.etcd.page(
                method: request.method,
                path: request.path,
                query: request.query,
                of: self.judged(audience)
            )
        else {
            return HTTPResponse(
                status: 404,
                headers: [("content-type", "text/plain; charset=utf-8")],
                body: Array("404 page not found\n".utf8)
            )
        }
        return HTTPResponse(
            status: page.status,
            headers: page.headers.map { ($0.name, $0.value) },
            body: Array(page.body.utf8)
        )
    }
}

/// The servers of the process, which are known only after the pages that tell of them are made.
final class RunningServers: Sendable {
    private let servers = Mutex<[Server]>([])

    var all: [Server] { self.servers.withLock { $0 } }

    func add(_ server: Server) {
        self.servers.withLock { $0.append(server) }
    }
}
