import Glibc

/// Makes directories for this user alone.
enum DirectoryMaking {
    /// Makes a directory, and those above it that are missing.
    static func make(_ path: String) throws(StartError) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        let reason = errno
        if reason == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try self.make(String(path[..<slash]))
            if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        }
        throw StartError("cannot make \(path): \(String(cString: strerror(reason)))")
    }
}
