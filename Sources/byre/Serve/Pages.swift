import EtcdServer
import Transport

/// Answers HTTP that is not gRPC.
struct Pages: HTTPHandler {
    /// Which pages a listener has.
    enum Scope: Sendable {
        /// All that clients may ask for.
        case all
        /// Those of `--listen-metrics-urls`: metrics and health.
        case monitoring
    }

    let etcd: EtcdServer
    let scope: Scope

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        guard self.scope == .all || request.path != "/version",
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
