package import GRPC

/// A plain HTTP request, whole.
package struct HTTPRequest: Sendable {
    package var method: String
    /// The path without the query, still percent-encoded.
    package var path: String
    /// What follows `?`, if anything.
    package var query: String?
    /// Names in lower case.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    package var peer: Peer

    package init(
        method: String,
        target: String,
        headers: [(name: String, value: String)],
        body: [UInt8],
        peer: Peer
    ) {
        self.method = method
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        self.path = parts.first.map { String($0) } ?? ""
        self.query = parts.count > 1 ? String(parts[1]) : nil
        self.headers = headers
        self.body = body
        self.peer = peer
    }
}

/// The answer to a plain HTTP request.
///
/// `content-length` is added on the way out.
package struct HTTPResponse: Sendable {
    package var status: Int
    /// Names in lower case.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(
        status: Int,
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// What answers requests that are not gRPC: `/health`, `/metrics` and the like.
package protocol HTTPHandler: Sendable {
    /// Answers one request. Runs off the event loops.
    func respond(to request: HTTPRequest) async -> HTTPResponse
}
