import Controller
import Logging
import Transport

/// `/metrics`, `/healthz` and `/readyz` of a controller.
struct ControllerPages: HTTPHandler {
    let reconciler: Reconciler

    /// The server of the pages while it runs.
    struct Running: Sendable {
        let server: Server

        func stop() {
            let server = self.server
            blocking { await server.stop(grace: .zero) }
        }
    }

    static func start(
        _ reconciler: Reconciler,
        _ url: ListenURL,
        _ logger: Logger
    ) throws(CommandFailure) -> Running {
        guard case .host(let host, let port) = url.place else {
            throw CommandFailure(.usage, "\(url) is no place for pages")
        }
        var configuration = ServerConfiguration(
            listeners: [
                Listener(
                    name: "\(url)",
                    address: .tcp(host: ListenCheck.literal(host), port: port)
                )
            ],
            methods: [],
            http: ControllerPages(reconciler: reconciler),
            logger: logger
        )
        configuration.loopCount = 1
        let fixed = configuration
        do throws(TransportError) {
            let server = try blocking { () async throws(TransportError) in
                try await Server.start(fixed)
            }
            for address in server.addresses {
                logger.info("serves metrics", metadata: ["address": "\(address)"])
            }
            return Running(server: server)
        } catch {
            throw CommandFailure("\(url): \(error)")
        }
    }

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        guard request.method == "GET" || request.method == "HEAD" else {
            return Self.text(405, "GET is allowed\n")
        }
        switch request.path {
        case "/metrics":
            return HTTPResponse(
                status: 200,
                headers: [("content-type", MetricsText.contentType)],
                body: Array(ControllerMetrics.text(self.reconciler.status).utf8)
            )
        case "/healthz": return Self.text(200, "ok\n")
        case "/readyz":
            let status = self.reconciler.status
            if let problem = status.problem { return Self.text(503, "\(problem)\n") }
            let isReady = status.lastPass != 0 || status.isStandingBy
            return isReady
                ? Self.text(200, "ok\n") : Self.text(503, "nothing has been looked at yet\n")
        default: return Self.text(404, "not found\n")
        }
    }

    private static func text(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status: status,
            headers: [("content-type", "text/plain; charset=utf-8")],
            body: Array(text.utf8)
        )
    }
}
