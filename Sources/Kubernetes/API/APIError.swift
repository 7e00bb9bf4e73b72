/// Why an API server of Kubernetes did not do what was asked.
package enum APIError: Error, Hashable, Sendable {
    /// It cannot be reached, or went away; whether it did what was asked is not known.
    case unreachable(String)
    /// It is not who it should be, or does not take this client's certificate.
    case insecure(String)
    /// What this client would connect with cannot be used.
    case configuration(String)
    /// It answered with an error.
    case status(APIStatus)
    /// It answered with what is none of Kubernetes' objects.
    case malformed(String)
    /// It answered with more than a client is willing to hold.
    case tooLarge(String)
    /// This side is stopping.
    case stopped

    /// The answer's HTTP status; nil when there was none.
    package var code: Int? {
        guard case .status(let status) = self else { return nil }
        return status.code
    }

    /// Whether an object of that name is not there, or not any more.
    package var isNotFound: Bool { self.code == 404 }
    /// Whether the object is another one by now, or there already.
    package var isConflict: Bool { self.code == 409 }
    /// Whether a resource version is too old to go on from.
    package var isGone: Bool { self.code == 410 }
}

/// What a server says of an error: metav1.Status.
package struct APIStatus: Hashable, Sendable {
    /// As in HTTP.
    package var code: Int
    /// One word, as `AlreadyExists`.
    package var reason: String
    package var message: String
    /// How long to wait before the next attempt, if it said so.
    package var retryAfterSeconds: Int64?

    package init(code: Int, reason: String, message: String, retryAfterSeconds: Int64? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// Reads the body of an answer with `code`, or the object of a watch's error.
    package init(_ object: JSONValue?, code: Int, retryAfterSeconds: Int64? = nil) {
        let said = object?["code"]?.integer.map { Int(clamping: $0) }
        self.init(
            code: said ?? code,
            reason: object?["reason"]?.text ?? "",
            message: String((object?["message"]?.text ?? "").prefix(Limits.messageCharactersMax)),
            retryAfterSeconds: retryAfterSeconds
                ?? object?["details"]?["retryAfterSeconds"]?.integer
        )
    }
}

extension APIError: CustomStringConvertible {
    /// For people, without secrets.
    package var description: String {
        switch self {
        case .unreachable(let reason), .insecure(let reason), .configuration(let reason),
            .malformed(let reason), .tooLarge(let reason):
            reason
        case .status(let status):
            status.message.isEmpty
                ? "HTTP status \(status.code)" : "\(status.message) (\(status.code))"
        case .stopped: "stopping"
        }
    }
}
