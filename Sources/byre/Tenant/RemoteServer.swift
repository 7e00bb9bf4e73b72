import ByreAPI
import EtcdAPI
import GRPC
import HTTP2
import SwiftProtobuf
import TLS
import Transport

/// A connection of the command line to a server: Byre's admin API, or an etcd.
final class RemoteServer {
    /// What must be shown and believed at an `https` URL.
    struct Credentials {
        var caFile: String?
        var certificateFile: String?
        var keyFile: String?
    }

    let url: AdminURL
    private let client: Client

    /// Connects.
    /// - Parameter hint: what to look at when nobody answers.
    init(
        _ url: AdminURL,
        _ credentials: Credentials,
        hint: String
    ) throws(CommandFailure) {
        self.url = url
        let address: Listener.Address
        let serverName: String?
        switch url.place {
        case .path(let path):
            address = .unix(path: path)
            serverName = nil
        case .host(let host, let port):
            address = .tcp(host: ListenCheck.literal(host), port: port)
            serverName = host
        }
        let security = try url.isTLS ? Self.security(credentials) : nil
        do throws(Client.Failure) {
            self.client = try Client(to: address, security: security, serverName: serverName)
        } catch {
            throw Self.failure(error, url, hint: hint)
        }
    }

    private static func security(
        _ credentials: Credentials
    ) throws(CommandFailure) -> TLS.Context {
        var settings = ClientSettings(trustedCAFile: credentials.caFile)
        settings.certificateFile = credentials.certificateFile
        settings.keyFile = credentials.keyFile
        do {
            return try TLS.Context(client: settings)
        } catch {
            throw CommandFailure("\(error)")
        }
    }

    private static func failure(
        _ error: Client.Failure,
        _ url: AdminURL,
        hint: String
    ) -> CommandFailure {
        switch error {
        case .cannotConnect(let reason):
            let cause = reason.split(separator: ":").last.map { $0.drop { $0 == " " } } ?? ""
            return CommandFailure(.unreachable, "cannot reach \(url): \(cause); \(hint)")
        case .security(let error):
            return CommandFailure(.denied, "\(url): \(error)")
        case .session(let error):
            return CommandFailure(.unreachable, "\(url) does not speak HTTP/2: \(error)")
        case .timedOut:
            return CommandFailure(.unreachable, "\(url) does not answer")
        case .closed:
            return CommandFailure(.unreachable, "\(url) closed the connection; \(hint)")
        }
    }

    /// Makes a unary call.
    func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ method: String,
        _ request: Request,
        as type: Response.Type = Response.self
    ) throws(CommandFailure) -> Response {
        let stream = try RemoteStream(self, method)
        stream.send(request, isLast: true)
        guard let response = try stream.next(as: type) else {
            throw CommandFailure("\(self.url) answers nothing")
        }
        try stream.finish()
        return response
    }

    fileprivate func start(_ method: String) throws(CommandFailure) -> ClientCall {
        do throws(Client.Failure) {
            return try self.client.start("/" + method)
        } catch {
            throw self.failure(error)
        }
    }

    fileprivate func send(_ message: [UInt8], on call: ClientCall, isLast: Bool) {
        self.client.send(message, on: call, isLast: isLast)
    }

    fileprivate func wait(until condition: () -> Bool) throws(CommandFailure) {
        do throws(Client.Failure) {
            try self.client.wait(until: condition)
        } catch {
            throw self.failure(error)
        }
    }

    private func failure(_ error: Client.Failure) -> CommandFailure {
        Self.failure(error, self.url, hint: "the server may have stopped")
    }
}

/// One call of a ``RemoteServer``, with any number of messages either way.
final class RemoteStream {
    private let server: RemoteServer
    private let call: ClientCall
    private var messages: ArraySlice<[UInt8]> = []

    init(_ server: RemoteServer, _ method: String) throws(CommandFailure) {
        self.server = server
        self.call = try server.start(method)
    }

    /// Queues a message; it leaves while one of the other methods waits.
    func send(_ message: some SwiftProtobuf.Message, isLast: Bool = false) {
        self.server.send(message.encoded(), on: self.call, isLast: isLast)
    }

    /// Waits for the next message, as it came.
    /// - Returns: nil when the call is over and went well.
    func nextBytes() throws(CommandFailure) -> [UInt8]? {
        if self.messages.isEmpty {
            let call = self.call
            try self.server.wait { !call.messages.isEmpty || call.isOver }
            self.messages = self.call.takeMessages()[...]
        }
        guard let message = self.messages.popFirst() else {
            try self.finish()
            return nil
        }
        return message
    }

    /// Waits for the next message.
    /// - Returns: nil when the call is over and went well.
    func next<Response: SwiftProtobuf.Message>(
        as type: Response.Type = Response.self
    ) throws(CommandFailure) -> Response? {
        guard let message = try self.nextBytes() else { return nil }
        do throws(WireError) {
            return try Response(decoding: message.span.bytes)
        } catch {
            throw CommandFailure("\(self.server.url) answers with what is no \(Response.self)")
        }
    }

    /// Waits for the end of the call.
    /// - Throws: what the server says was wrong.
    func finish() throws(CommandFailure) {
        let call = self.call
        try self.server.wait { call.isOver }
        guard let status = call.status else {
            throw CommandFailure(.unreachable, "\(self.server.url) ended the call without a status")
        }
        guard status.code == .ok else { throw CommandFailure(status) }
    }
}
