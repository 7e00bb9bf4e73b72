import Glibc

/// Files of a ``DirectorySink``: read whole, and replaced at once.
enum SinkFile {
    /// Largest file that is read; certificates and keys have a few thousand bytes.
    static let bytesMax = 1 << 20

    static let mode: mode_t = 0o600
    static let directoryMode: mode_t = 0o700

    /// What a file holds, and who may read it.
    struct Content: Hashable {
        let bytes: [UInt8]
        let mode: mode_t
    }

    /// Reads a file.
    /// - Returns: nil when there is none.
    static func read(_ path: String) throws(SinkFailure) -> Content? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw self.failure(path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw self.failure(path) }
        var bytes: [UInt8] = []
        let sliceBytes = 16 << 10
        while true {
            var failed = false
            let slice = [UInt8](unsafeUninitializedCapacity: sliceBytes) { buffer, count in
                let result = Glibc.read(descriptor, buffer.baseAddress, sliceBytes)
                failed = result < 0 && errno != EINTR
                count = max(result, 0)
            }
            if failed { throw self.failure(path) }
            if slice.isEmpty { break }
            bytes += slice
            guard bytes.count <= self.bytesMax else {
                throw .unavailable("\(path) is larger than \(self.bytesMax) bytes")
            }
        }
        return Content(bytes: bytes, mode: status.st_mode & 0o777)
    }

    /// Replaces a file: whoever reads it finds all of it or what was there before.
    static func write(_ bytes: [UInt8], to path: String) throws(SinkFailure) {
        let unfinished = path + ".tmp"
        // What a crash left.
        unlink(unfinished)
        let descriptor = open(
            unfinished,
            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
            self.mode
        )
        guard descriptor >= 0 else { throw self.failure(unfinished) }
        defer { close(descriptor) }
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
            guard result > 0 else { throw self.failure(unfinished) }
            written += result
        }
        guard fsync(descriptor) == 0 else { throw self.failure(unfinished) }
        guard rename(unfinished, path) == 0 else { throw self.failure(path) }
    }

    /// Removes a file, if there is one.
    static func remove(_ path: String) throws(SinkFailure) {
        guard unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR else {
            throw self.failure(path)
        }
    }

    /// Makes a directory for this user alone, and those above it that are missing.
    static func makeDirectory(_ path: String) throws(SinkFailure) {
        if mkdir(path, self.directoryMode) == 0 { return }
        if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try self.makeDirectory(String(path[..<slash]))
            if mkdir(path, self.directoryMode) == 0 { return }
        }
        guard errno == EEXIST else { throw self.failure(path) }
    }

    /// Who may enter a directory; nil when there is none.
    static func mode(ofDirectory path: String) -> mode_t? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return status.st_mode & 0o777
    }

    /// Runs `body` while no other process writes below a directory, which is there.
    static func locked<R>(
        _ directory: String,
        _ body: () throws(SinkFailure) -> R
    ) throws(SinkFailure) -> R {
        let path = directory + "/" + self.lockName
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, self.mode)
        guard descriptor >= 0 else { throw self.failure(path) }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw self.failure(path) }
        }
        return try body()
    }

    static let lockName = ".lock"

    static func failure(_ path: String) -> SinkFailure {
        .unavailable("\(path): \(String(cString: strerror(errno)))")
    }
}
