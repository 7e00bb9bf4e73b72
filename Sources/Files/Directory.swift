import Glibc

/// Directories for this user alone.
package enum Directory {
    /// Who may do what there.
    package static let mode: UInt32 = 0o700

    /// Makes a directory, and those above it that are missing. One that is there stays as it is.
    /// - Throws: ``FileProblem`` naming the directory that could not be made.
    package static func make(_ path: String) throws(FileProblem) {
        guard let code = self.failure(path) else { return }
        guard code == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw FileProblem(path, code: code)
        }
        try self.make(String(path[..<slash]))
        if let code = self.failure(path) { throw FileProblem(path, code: code) }
    }

    /// Makes a directory; nil when it is there.
    private static func failure(_ path: String) -> CInt? {
        if mkdir(path, self.mode) == 0 || errno == EEXIST { return nil }
        let code = errno
        // Where the system is read-only, it may say that before it looks.
        return access(path, F_OK) == 0 ? nil : code
    }
}
