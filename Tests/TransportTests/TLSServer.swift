import ByreTestKit
import Foundation
import GRPC
import Logging
import TLS
import Transport

/// A server with TLS for one test; it tells every caller who it takes them for.
struct TLSServer {
    let server: Server
    let address: Listener.Address

    /// A port of the system's choice, or a unix socket in a directory of its own.
    enum Place {
        case tcp
        case unix
    }

    /// Runs `body` with a server and stops the server.
    static func run(
        _ settings: ServerSettings = .mutual,
        at place: Place = .tcp,
        _ change: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (TLSServer) async throws -> Void
    ) async throws {
        let security = try ReloadingContext(settings, at: .now, checkInterval: .zero) { _ in }
        let temporary = try TemporaryDirectory()
        defer { temporary.remove() }
        let address: Listener.Address =
            switch place {
            case .tcp: .tcp(host: "127.0.0.1", port: 0)
            case .unix: .unix(path: temporary.path + "/byre.sock")
            }
        var configuration = ServerConfiguration(
            listeners: [Listener(name: "secure", address: address, security: security)],
            methods: Health().methods,
            http: Mirror(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        configuration.loopCount = 1
        change(&configuration)
        let server = try await Server.start(configuration)
        let outcome: Result<Void, any Error>
        do {
            try await body(TLSServer(server: server, address: server.addresses[0]))
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        await server.stop(grace: .seconds(1))
        try outcome.get()
    }

    /// Runs curl with the test CA, and the certificate `name` if there is one.
    func curl(as name: String?, _ arguments: [String], path: String = "/peer") async -> Output {
        var all = ["--silent", "--show-error", "--max-time", "20"]
        all += ["--cacert", PKI.shared.path("ca.crt")]
        if let name {
            all += ["--cert", PKI.shared.path("\(name).crt")]
            all += ["--key", PKI.shared.path("\(name).key")]
        }
        switch self.address {
        case .tcp(_, let port):
            all += arguments + ["https://localhost:\(port)\(path)"]
        case .unix(let socket):
            all += ["--unix-socket", socket] + arguments + ["https://localhost\(path)"]
        }
        return await onThread { [all] in execute("curl", all) }
    }

    /// Runs `openssl s_client` and types `input`.
    func opensslClient(_ arguments: [String], input: String = "") async -> Output {
        guard case .tcp(_, let port) = self.address else {
            preconditionFailure("openssl is used with TCP only")
        }
        let all = ["s_client", "-connect", "127.0.0.1:\(port)"] + arguments
        return await onThread { execute("openssl", all, input: input) }
    }
}

/// Answers `/peer` with what is known of the peer, and `/large` with much.
private struct Mirror: HTTPHandler {
    func respond(to request: HTTPRequest) async -> HTTPResponse {
        if request.path == "/large" {
            return HTTPResponse(status: 200, body: largeBody)
        }
        let tls = request.peer.tls
        let lines = [
            "listener \(request.peer.listener)",
            "certificate \(tls?.certificate == nil ? "none" : "shown")",
            "name \(tls?.commonName ?? "none")",
            "dns \(tls?.dnsNames ?? [])",
            "uri \(tls?.uris ?? [])",
            "authorities \(tls?.authorities.map(\.subject) ?? [])",
            "server \(tls?.serverName ?? "none")",
            "body \(request.body.count)",
        ]
        return HTTPResponse(
            status: 200,
            body: Array((lines.joined(separator: "\n") + "\n").utf8)
        )
    }
}

/// More than any buffer on the way holds, and different everywhere.
let largeBody: [UInt8] = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 167 >> 3) }

/// What a command said and how it ended.
struct Output: Sendable {
    let status: Int32
    let bytes: [UInt8]

    var text: String { String(decoding: self.bytes, as: UTF8.self) }
}

/// Runs what blocks on a thread of its own, since the server's handlers need those of the pool.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

/// Runs a command of the path to its end, both outputs in one.
func execute(_ command: String, _ arguments: [String], input: String = "") -> Output {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [command] + arguments
    let output = Pipe()
    let typed = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = typed
    do {
        try process.run()
        try typed.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try typed.fileHandleForWriting.close()
    } catch {
        preconditionFailure("\(command) does not run: \(error)")
    }
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Output(status: process.terminationStatus, bytes: [UInt8](bytes))
}

extension ServerSettings {
    /// A server with the test certificate that asks for no certificates.
    static var plain: ServerSettings {
        ServerSettings(
            certificateFile: PKI.shared.path("server.crt"),
            keyFile: PKI.shared.path("server.key")
        )
    }

    /// The same, wanting certificates of the test CA.
    static var mutual: ServerSettings {
        ServerSettings(
            certificateFile: PKI.shared.path("server.crt"),
            keyFile: PKI.shared.path("server.key"),
            trustedCAFile: PKI.shared.path("ca.crt")
        )
    }
}
