/// Why bytes are not an encoded message.
///
/// The texts are those of Go's protobuf, which etcd 3.7 uses, so that clients see the same words.
@usableFromInline
package enum WireError: Error, Hashable, Sendable {
    /// Truncated, a length that points outside, an impossible field number, wire type or group.
    case malformed
    /// A string field holds bytes that are not UTF-8.
    case invalidUTF8
    /// Messages nested deeper than any honest client's.
    case tooDeep

    /// What a client is told; the code that goes with it is gRPC's `Internal`.
    /// - Source: grpc-go `server.go`, `processUnaryRPC`; Go protobuf `proto/decode.go`.
    package var message: String {
        let reason =
            switch self {
            case .malformed: "proto: cannot parse invalid wire-format data"
            case .invalidUTF8: "string field contains invalid UTF-8"
            case .tooDeep: "proto: exceeded maximum recursion depth"
            }
        return "grpc: error unmarshalling request: \(reason)"
    }
}
