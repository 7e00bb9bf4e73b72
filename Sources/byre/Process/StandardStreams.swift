import Files

/// The process's standard streams, as file descriptors.
package enum StandardStream: CInt, Sendable {
    case output = 1
    case error = 2

    /// The descriptor of standard input, which is only read.
    package static let input: CInt = 0

    /// Writes all of `text`, which nobody is left to tell about if it fails.
    package func write(_ text: String) {
        writeAll(Array(text.utf8), to: self.rawValue)
    }
}

/// Writes `bytes` in as few system calls as the file takes; gives up on an error.
func writeAll(_ bytes: [UInt8], to descriptor: CInt) {
    try? OpenFile(descriptor, name: "").write(bytes)
}
