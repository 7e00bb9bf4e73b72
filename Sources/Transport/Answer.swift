import GRPC
import HTTP2

/// The header fields of responses.
enum Answer {
    /// The headers before the first message.
    static let headers = HeaderList(
        [(":status", "200"), ("content-type", "application/grpc")],
        immortal: true
    )

    private static let ok = HeaderList([("grpc-status", "0")], immortal: true)

    /// The trailers after the last message.
    static func trailers(_ status: Status) -> HeaderList {
        guard status.code != .ok || !status.message.isEmpty else { return Self.ok }
        return HeaderList(Self.fields(of: status))
    }

    /// The only headers of an answer without a message.
    static func refusal(_ refusal: Refusal) -> HeaderList {
        var fields = [
            (name: ":status", value: String(refusal.httpStatus)),
            (name: "content-type", value: "application/grpc"),
        ]
        fields += Self.fields(of: refusal.status)
        if refusal.namesEncodings {
            fields.append((name: "grpc-accept-encoding", value: "identity"))
        }
        return HeaderList(fields)
    }

    /// The headers of a plain HTTP response.
    static func http(_ response: HTTPResponse) -> HeaderList {
        var fields = [(name: ":status", value: String(response.status))]
        fields += response.headers
        fields.append((name: "content-length", value: String(response.body.count)))
        return HeaderList(fields)
    }

    private static func fields(of status: Status) -> [(name: String, value: String)] {
        var fields = [(name: "grpc-status", value: String(status.code.rawValue))]
        if !status.message.isEmpty {
            fields.append((name: "grpc-message", value: PercentEncoding.encode(status.message)))
        }
        return fields
    }
}
