import HTTP2
import Transport

/// One request to an API server.
package struct APIRequest {
    package var method: String
    package var path: String
    package var query: [(name: String, value: String)]
    package var contentType: String?
    package var body: JSONValue?

    package init(
        _ method: String,
        _ path: String,
        query: [(name: String, value: String)] = [],
        contentType: String? = nil,
        body: JSONValue? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.contentType = contentType
        self.body = body
    }
}

/// A connection to an API server, made anew when it is lost. Belongs to one thread, and blocks.
///
/// The token is read again when it is a minute old, and at once when the server does not take it. A
/// request is sent again only when the server cannot have done it: the connection was closed before
/// it left, or the answer says that the server is busy (429).
package final class APIConnection {
    /// The status of an answer that says that the server is busy and did nothing.
    private static let tooManyRequests = 429
    private static let unauthorized = 401

    private let access: ClusterAccess
    private let agent: String
    private let stop: StopSignal
    private var token: TokenReader
    private var client: Client?

    /// - Parameters:
    ///   - agent: What the server's logs call this client.
    ///   - stop: Ends waiting.
    package init(_ access: ClusterAccess, agent: String, stop: StopSignal) {
        self.access = access
        self.agent = agent
        self.stop = stop
        self.token = TokenReader(access.token)
    }

    /// Sends a request and waits for the whole answer.
    /// - Throws: ``APIError``; for an answer that is an error ``APIError/status(_:)``.
    package func send(_ request: APIRequest) throws(APIError) -> JSONValue {
        var attempts = 1
        while true {
            let call = try self.start(request)
            var body: [UInt8] = []
            try self.wait(for: call) {
                body += call.takeBody()
                return call.isOver || body.count > Limits.answerBytesMax
            }
            guard body.count <= Limits.answerBytesMax else {
                self.drop()
                throw .tooLarge("\(request.path): the answer is larger than this client takes")
            }
            do throws(APIError) {
                try self.check(call, body)
                return try JSONValue(decoding: body)
            } catch {
                guard case .status(let status) = error, status.code == Self.tooManyRequests,
                    attempts < Limits.attemptsMax
                else { throw error }
                attempts += 1
                let seconds = min(status.retryAfterSeconds ?? 1, Limits.retryAfterSecondsMax)
                if self.stop.wait(.seconds(max(1, seconds))) { throw .stopped }
            }
        }
    }

    /// Begins a request, on a new connection if need be, with a token that the server takes.
    /// - Returns: a call whose status is known; an error's body is still to come.
    func start(_ request: APIRequest) throws(APIError) -> ClientCall {
        let isReused = self.client != nil
        do throws(APIError) {
            return try self.startOnce(request, mayRenewToken: true)
        } catch .unreachable(let reason) {
            // A connection that was idle may have been closed long ago. Only what was read back
            // tells, so only what may be done twice is sent again.
            guard isReused, request.method == "GET" else { throw .unreachable(reason) }
            return try self.startOnce(request, mayRenewToken: true)
        }
    }

    private func startOnce(
        _ request: APIRequest,
        mayRenewToken: Bool
    ) throws(APIError) -> ClientCall {
        let body = request.body?.encoded ?? []
        let headers = try self.headers(of: request, bodyCount: body.count)
        let path = self.access.server.basePath + URLText.path(request.path, request.query)
        let client = try self.connect()
        let call: ClientCall
        do throws(Client.Failure) {
            call = try client.request(request.method, path, headers: headers, body: body)
        } catch {
            // It takes no more requests, and has not seen this one.
            self.drop()
            let client = try self.connect()
            do throws(Client.Failure) {
                call = try client.request(
                    request.method,
                    path,
                    headers: headers,
                    body: body
                )
            } catch {
                self.drop()
                throw self.access.explain(error)
            }
        }
        try self.wait(for: call) { call.blockCount > 0 || call.isOver }
        if mayRenewToken, self.token.isRenewable, Self.status(of: call) == Self.unauthorized {
            self.token.renew()
            try self.wait(for: call) {
                _ = call.takeBody()
                return call.isOver
            }
            return try self.startOnce(request, mayRenewToken: false)
        }
        return call
    }

    private func headers(
        of request: APIRequest,
        bodyCount: Int
    ) throws(APIError) -> [(name: String, value: String)] {
        var headers = [
            (name: "accept", value: "application/json"), (name: "user-agent", value: self.agent),
        ]
        if let token = try self.token.current(at: .now) {
            headers.append((name: "authorization", value: "Bearer " + token))
        }
        if request.body != nil {
            let type = request.contentType ?? "application/json"
            headers.append((name: "content-type", value: type))
            headers.append((name: "content-length", value: "\(bodyCount)"))
        }
        return headers
    }

    private func connect() throws(APIError) -> Client {
        if let client = self.client, client.goAway == nil { return client }
        let client = try self.access.connect()
        client.patience = Limits.stopInterval
        self.client = client
        return client
    }

    /// Gives the connection up: the next request makes another.
    func drop() {
        self.client = nil
    }

    /// Waits for a call until `condition` holds, as long as the server may take for an answer.
    private func wait(for call: ClientCall, until condition: () -> Bool) throws(APIError) {
        let deadline = ContinuousClock.now + Limits.answerPatience
        while try !self.progress(until: condition) {
            guard ContinuousClock.now < deadline else {
                self.drop()
                throw .unreachable("\(self.access.server) does not answer")
            }
        }
        guard !call.isLost, call.closeCode == nil || call.closeCode == .noError else {
            self.drop()
            throw .unreachable("\(self.access.server) closed the connection")
        }
    }

    /// Sends and receives until `condition` holds, or for a short time.
    /// - Returns: whether it holds.
    func progress(until condition: () -> Bool) throws(APIError) -> Bool {
        guard !self.stop.isStopped else { throw .stopped }
        guard let client else { throw .unreachable("\(self.access.server) closed the connection") }
        do throws(Client.Failure) {
            try client.wait(until: condition)
            return true
        } catch {
            if case .timedOut = error { return condition() }
            if case .closed = error, condition() {
                self.drop()
                return true
            }
            self.drop()
            throw self.access.explain(error)
        }
    }

    /// Asks the server whether it is there; ``pongs`` counts its answers.
    func ping() { self.client?.ping() }

    /// PINGs that the server answered on this connection.
    var pongs: Int { self.client?.pongs ?? 0 }

    /// Ends a call before its end.
    func cancel(_ call: ClientCall) { self.client?.cancel(call) }

    static func status(of call: ClientCall) -> Int? {
        call.fields[":status"].flatMap { Int($0) }
    }

    /// Throws what an answer says is wrong.
    func check(_ call: ClientCall, _ body: [UInt8]) throws(APIError) {
        guard let code = Self.status(of: call) else {
            throw .malformed("\(self.access.server) answers without a status")
        }
        guard !(200..<300).contains(code) else { return }
        throw .status(
            APIStatus(
                try? JSONValue(decoding: body),
                code: code,
                retryAfterSeconds: call.fields["retry-after"].flatMap { Int64($0) }
            )
        )
    }
}
