import Glibc

/// Reads and writes whole files of any length, piece by piece.
enum RawStream {
    /// Bytes of a piece.
    private static let pieceBytes = 256 << 10

    /// Reads the next piece; empty at the end.
    static func read(_ descriptor: CInt, of name: String) throws(CommandFailure) -> [UInt8] {
        while true {
            var failed: CInt = 0
            let piece = [UInt8](unsafeUninitializedCapacity: Self.pieceBytes) { buffer, count in
                let result = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                failed = result < 0 ? errno : 0
                count = max(result, 0)
            }
            if failed == EINTR { continue }
            guard failed == 0 else { throw Self.failure(name, failed) }
            return piece
        }
    }

    /// Writes all of `bytes`.
    static func write(
        _ bytes: [UInt8],
        to descriptor: CInt,
        of name: String
    ) throws(CommandFailure) {
        var written = 0
        while written < bytes.count {
            let result = bytes.withUnsafeBytes { bytes in
                Glibc.write(
                    descriptor,
                    bytes.baseAddress.map { $0 + written },
                    bytes.count - written
                )
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { throw Self.failure(name, errno) }
            written += result
        }
    }

    static func failure(_ name: String, _ code: CInt) -> CommandFailure {
        CommandFailure("\(name): \(String(cString: strerror(code)))")
    }
}
