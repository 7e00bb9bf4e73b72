/// The fields of a request that decide whether it becomes a call.
///
/// They point into the transport's memory and are valid while it is decided only.
package struct RequestHead {
    package var httpMethod: UnsafeRawBufferPointer?
    package var path: UnsafeRawBufferPointer?
    package var contentType: UnsafeRawBufferPointer?
    package var timeout: UnsafeRawBufferPointer?
    package var encoding: UnsafeRawBufferPointer?

    package init() {}
}

/// Whether a request becomes a call.
package enum Admission {
    /// It does; `timeoutNanoseconds` is `UInt64.max` when it has none.
    case call(ServiceTable.Entry, timeoutNanoseconds: UInt64)
    /// It is answered with a status and no message.
    case refusal(Refusal)

    /// Decides, in the order and the words of grpc-go.
    ///
    /// Source: grpc-go `internal/transport/http2_server.go`, `operateHeaders`; `server.go`,
    /// `handleStream`.
    package init(_ head: RequestHead, _ table: ServiceTable) {
        guard Self.isGRPC(head.contentType) else {
            let type = head.contentType.map { quoted($0) } ?? "\"\""
            self = .refusal(
                Refusal(415, .invalidArgument, "invalid gRPC request content-type \(type)")
            )
            return
        }
        var timeout = UInt64.max
        if let bytes = head.timeout {
            do {
                timeout = try Timeout.nanoseconds(bytes)
            } catch {
                self = .refusal(
                    Refusal(400, .internal, "malformed grpc-timeout: \(error.message)")
                )
                return
            }
        }
        guard let method = head.httpMethod, Self.isEqual(method, "POST") else {
            let method = head.httpMethod.map { quoted($0) } ?? "\"\""
            self = .refusal(
                Refusal(
                    405,
                    .internal,
                    "Received a HEADERS frame with :method \(method) which should be POST"
                )
            )
            return
        }
        let path = head.path ?? UnsafeRawBufferPointer(start: nil, count: 0)
        guard let entry = table.entry(path) else {
            self = .refusal(Refusal(status: table.unknown(path)))
            return
        }
        if let encoding = head.encoding, !encoding.isEmpty, !Self.isEqual(encoding, "identity") {
            let status = ServerCall.noDecompressor(String(decoding: encoding, as: UTF8.self))
            self = .refusal(Refusal(status: status, namesEncodings: true))
            return
        }
        self = .call(entry, timeoutNanoseconds: timeout)
    }

    /// Whether a content type is `application/grpc`, with a subtype or parameters or without.
    package static func isGRPC(_ type: UnsafeRawBufferPointer?) -> Bool {
        guard let type, type.count >= Self.contentType.utf8CodeUnitCount else { return false }
        let count = Self.contentType.utf8CodeUnitCount
        guard Self.isEqual(UnsafeRawBufferPointer(rebasing: type[..<count]), Self.contentType)
        else {
            return false
        }
        if type.count == count { return true }
        return type[count] == UInt8(ascii: "+") || type[count] == UInt8(ascii: ";")
    }

    private static let contentType: StaticString = "application/grpc"

    private static func isEqual(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for (index, byte) in bytes.enumerated() where byte != text.utf8Start[index] {
            return false
        }
        return true
    }
}

/// An answer without a message, given before there is a call.
package struct Refusal: Hashable, Sendable {
    package var httpStatus: Int
    package var status: Status
    /// Whether the answer says which encodings are understood: `grpc-accept-encoding`.
    package var namesEncodings: Bool

    package init(status: Status, namesEncodings: Bool = false) {
        self.httpStatus = 200
        self.status = status
        self.namesEncodings = namesEncodings
    }

    package init(_ httpStatus: Int, _ code: Status.Code, _ message: String) {
        self.httpStatus = httpStatus
        self.status = Status(code, message)
        self.namesEncodings = false
    }
}
