import Glibc

/// Why a file or a directory could not be had as asked.
package struct FileProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package let path: String
    /// What is wrong with it, mostly in the operating system's words.
    package let text: String
    /// Whether there is nothing of that name.
    package let isMissing: Bool

    init(_ path: String, _ text: String) {
        self.path = path
        self.text = text
        self.isMissing = false
    }

    /// - Parameter code: `errno` after the call that failed.
    init(_ path: String, code: CInt) {
        self.path = path
        self.text = String(cString: strerror(code))
        self.isMissing = code == ENOENT || code == ENOTDIR
    }

    package var description: String { "\(self.path): \(self.text)" }
}
