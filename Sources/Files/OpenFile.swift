import Glibc

/// A file that is open, read or written piece by piece. Whoever opened it closes it.
package struct OpenFile {
    private let descriptor: CInt
    /// As problems name it.
    private let name: String

    package init(_ descriptor: CInt, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Reads what comes next, however short it is; nothing at the end.
    /// - Parameter bytesMax: How much at the most.
    package func read(upTo bytesMax: Int) throws(FileProblem) -> [UInt8] {
        while true {
            var failed: CInt = 0
            let piece = [UInt8](unsafeUninitializedCapacity: bytesMax) { buffer, count in
                let result = Glibc.read(self.descriptor, buffer.baseAddress, bytesMax)
                failed = result < 0 ? errno : 0
                count = max(result, 0)
            }
            // A signal ends a call, but no file.
            if failed == EINTR { continue }
            guard failed == 0 else { throw FileProblem(self.name, code: failed) }
            return piece
        }
    }

    /// Writes all of `bytes`.
    package func write(_ bytes: [UInt8]) throws(FileProblem) {
        var written = 0
        while written < bytes.count {
            let result = bytes.withUnsafeBytes { bytes in
                Glibc.write(
                    self.descriptor,
                    bytes.baseAddress.map { $0 + written },
                    bytes.count - written
                )
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { throw FileProblem(self.name, code: errno) }
            written += result
        }
    }
}
