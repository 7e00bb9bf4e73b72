import Glibc

/// A header field name that Byre acts on, told apart by its bytes alone.
package enum HeaderName: UInt8, Sendable, CaseIterable {
    case method
    case scheme
    case path
    case authority
    case status
    case contentType
    case te
    case userAgent
    case grpcTimeout
    case grpcEncoding
    case grpcAcceptEncoding
    case grpcStatus
    case grpcMessage
    case acceptEncoding
    case contentLength
    /// Any other name; its bytes are kept with the value.
    case other

    /// The name as HTTP/2 carries it: lower case.
    ///
    /// `nil` for ``other``.
    package var text: StaticString? {
        switch self {
        case .method: ":method"
        case .scheme: ":scheme"
        case .path: ":path"
        case .authority: ":authority"
        case .status: ":status"
        case .contentType: "content-type"
        case .te: "te"
        case .userAgent: "user-agent"
        case .grpcTimeout: "grpc-timeout"
        case .grpcEncoding: "grpc-encoding"
        case .grpcAcceptEncoding: "grpc-accept-encoding"
        case .grpcStatus: "grpc-status"
        case .grpcMessage: "grpc-message"
        case .acceptEncoding: "accept-encoding"
        case .contentLength: "content-length"
        case .other: nil
        }
    }

    /// Finds the name of `bytes`, ``other`` when it is not one of the table.
    ///
    /// The length alone leaves at most three candidates.
    package init(_ bytes: UnsafeRawBufferPointer) {
        switch bytes.count {
        case 2: self = Self.first(of: .te, in: bytes)
        case 5: self = Self.first(of: .path, in: bytes)
        case 7: self = Self.first(of: .method, .scheme, .status, in: bytes)
        case 10: self = Self.first(of: .authority, .userAgent, in: bytes)
        case 11: self = Self.first(of: .grpcStatus, in: bytes)
        case 12: self = Self.first(of: .contentType, .grpcTimeout, .grpcMessage, in: bytes)
        case 13: self = Self.first(of: .grpcEncoding, in: bytes)
        case 14: self = Self.first(of: .contentLength, in: bytes)
        case 15: self = Self.first(of: .acceptEncoding, in: bytes)
        case 20: self = Self.first(of: .grpcAcceptEncoding, in: bytes)
        default: self = .other
        }
    }

    @inline(__always)
    private static func first(
        of one: HeaderName,
        _ two: HeaderName? = nil,
        _ three: HeaderName? = nil,
        in bytes: UnsafeRawBufferPointer
    ) -> HeaderName {
        if one.isSpelled(bytes) { return one }
        if let two, two.isSpelled(bytes) { return two }
        if let three, three.isSpelled(bytes) { return three }
        return .other
    }

    /// - Precondition: `bytes` has the length of the name.
    @inline(__always)
    private func isSpelled(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let text = self.text, let start = bytes.baseAddress else { return false }
        return memcmp(start, text.utf8Start, bytes.count) == 0
    }
}
