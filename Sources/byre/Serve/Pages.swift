import EtcdServer
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

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        if request.path == "/metrics", request.method == "GET" {
            return HTTPResponse(
                status: 200,
                headers: [("content-type", MetricsText.contentType)],
                body: Array(self.metrics.text(self.servers.all).utf8)
            )
        }
        guard self.scope.has(request.path),
            let page = self.etcd.page(
                method: request.method,
                path: request.path,
                query: request.query
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
