package import SwiftProtobuf

/// Generated messages, for everything that is not on the hot path.
extension SwiftProtobuf.Message {
    /// Decodes a message that a client sent.
    /// - Complexity: O(`bytes.byteCount`), with a copy of it.
    package init(decoding bytes: RawSpan) throws(WireError) {
        do {
            self = try Self(serializedBytes: bytes.withUnsafeBytes { [UInt8]($0) })
        } catch BinaryDecodingError.invalidUTF8 {
            throw .invalidUTF8
        } catch BinaryDecodingError.messageDepthLimit {
            throw .tooDeep
        } catch {
            throw .malformed
        }
    }

    /// Encodes the message behind `prefix` zero bytes, which the caller will fill.
    package func encoded(reservingPrefix prefix: Int = 0) -> [UInt8] {
        do {
            let message: [UInt8] = try self.serializedBytes()
            return [UInt8](repeating: 0, count: prefix) + message
        } catch {
            preconditionFailure("etcd's messages have no required fields and no Any: \(error)")
        }
    }
}
