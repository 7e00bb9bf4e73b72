/// One message with its gRPC prefix before it: a compression flag (always 0) and the length as four
/// bytes, big-endian.
///
/// An encoder reserves the prefix and writes the message after it, so no byte is moved to frame it.
/// The bytes may be shared by any number of calls.
///
/// Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>
package struct FramedMessage: Sendable {
    /// What an encoder leaves free before the message.
    package static let prefixLength = 5

    /// Prefix and message.
    package let bytes: [UInt8]

    /// Writes the prefix into the first ``prefixLength`` bytes of `bytes`.
    /// - Precondition: `bytes` has them, and at most 2^32 - 1 more.
    package init(reserved bytes: consuming [UInt8]) {
        precondition(bytes.count >= Self.prefixLength, "the prefix must be reserved")
        Self.writePrefix(of: bytes.count - Self.prefixLength, into: &bytes)
        self.bytes = bytes
    }

    /// The prefix alone of a message of `length` bytes that come from elsewhere.
    init(prefixOf length: Int) {
        var bytes = [UInt8](repeating: 0, count: Self.prefixLength)
        Self.writePrefix(of: length, into: &bytes)
        self.bytes = bytes
    }

    private static func writePrefix(of length: Int, into bytes: inout [UInt8]) {
        guard let length = UInt32(exactly: length) else {
            preconditionFailure("a message has at most 2^32 - 1 bytes")
        }
        bytes[0] = 0
        bytes[1] = UInt8(truncatingIfNeeded: length >> 24)
        bytes[2] = UInt8(truncatingIfNeeded: length >> 16)
        bytes[3] = UInt8(truncatingIfNeeded: length >> 8)
        bytes[4] = UInt8(truncatingIfNeeded: length)
    }
}
