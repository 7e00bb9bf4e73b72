import COpenSSL

/// The funnel through which OpenSSL's results pass.
///
/// OpenSSL keeps its errors in a queue per thread. What is left in it from an earlier call
/// confuses the next one (`SSL_get_error` looks at it), so every entry into the library starts
/// with ``clearErrors()``, and a failed call's reason is read before anything else can run.
///
/// OpenSSL: <https://docs.openssl.org/3.0/man3/ERR_get_error/>
enum OpenSSL {
    static func clearErrors() {
        // Clearing goes through all of the queue; looking whether it is empty, as nearly always,
        // saves a twentieth of what a short record costs.
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    /// The root cause of the latest failure, as a number of the library that failed; 0 if there
    /// is none.
    static var reasonCode: CInt {
        ERR_GET_REASON(ERR_peek_error())
    }

    /// The root cause of the latest failure, in OpenSSL's words; empties the queue.
    static func takeReason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "unknown reason" }
        if let text = ERR_reason_error_string(code) { return String(cString: text) }
        return "error \(code)"
    }

    /// Passes `pointer` on.
    /// - Throws: ``TLSError/library(_:)`` with what was being done when it is nil.
    static func check(
        _ pointer: OpaquePointer?,
        _ action: StaticString
    ) throws(TLSError) -> OpaquePointer {
        guard let pointer else { throw .library("\(action): \(self.takeReason())") }
        return pointer
    }

    /// - Throws: ``TLSError/library(_:)`` with what was being done unless `result` is 1, which is
    ///   success all over OpenSSL.
    static func check(_ result: CInt, _ action: StaticString) throws(TLSError) {
        guard result == 1 else { throw .library("\(action): \(self.takeReason())") }
    }

    /// Calls `body` with a BIO that reads `bytes`.
    static func withReader<Value>(
        of bytes: [UInt8],
        _ body: (OpaquePointer) throws(TLSError) -> Value
    ) throws(TLSError) -> Value {
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(TLSError) -> Value in
            // Cannot overflow: files are bounded by `Limits.fileBytesMax`.
            let reader = try self.check(
                BIO_new_mem_buf(bytes.baseAddress, CInt(bytes.count)),
                "reading bytes"
            )
            defer { BIO_free(reader) }
            return try body(reader)
        }
    }

    /// What `write` leaves in a BIO.
    static func written(
        _ write: (OpaquePointer) throws(TLSError) -> Void
    ) throws(TLSError) -> [UInt8] {
        let writer = try self.check(BIO_new(BIO_s_mem()), "writing bytes")
        defer { BIO_free(writer) }
        try write(writer)
        var start: UnsafeMutablePointer<CChar>?
        let count = byre_BIO_get_mem_data(writer, &start)
        return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }
}
