import Glibc

/// Files with certificates and keys, read whole.
enum File {
    /// Reads the file at `path`.
    /// - Throws: ``TLSError/file(_:path:problem:)`` in the operating system's words, or when the
    ///   file is larger than ``Limits/fileBytesMax``.
    static func read(_ path: String, as role: FileRole) throws(TLSError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw self.failure(role, path, errno) }
        defer { close(descriptor) }

        var bytes: [UInt8] = []
        let sliceBytes = 64 << 10
        while true {
            var failed: CInt = 0
            let slice = [UInt8](unsafeUninitializedCapacity: sliceBytes) { buffer, count in
                let result = Glibc.read(descriptor, buffer.baseAddress, sliceBytes)
                failed = result < 0 ? errno : 0
                count = max(result, 0)
            }
            if failed == EINTR { continue }
            guard failed == 0 else { throw self.failure(role, path, failed) }
            if slice.isEmpty { return bytes }
            bytes += slice
            guard bytes.count <= Limits.fileBytesMax else {
                throw .file(
                    role,
                    path: path,
                    problem: "is larger than \(Limits.fileBytesMax) bytes"
                )
            }
        }
    }

    /// Writes a new file that others cannot read unless `mode` says so.
    ///
    /// The bytes are on disk under another name before the file appears under its own, so a
    /// reader finds all of it or nothing. An existing file is replaced.
    /// - Throws: ``TLSError/file(_:path:problem:)`` in the operating system's words.
    static func write(
        _ bytes: [UInt8],
        to path: String,
        as role: FileRole,
        mode: mode_t
    ) throws(TLSError) {
        let unfinished = path + ".tmp"
        // What a crash left, or somebody else put there to have the file in their hands.
        unlink(unfinished)
        let descriptor = open(
            unfinished,
            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
            mode
        )
        guard descriptor >= 0 else { throw self.failure(role, unfinished, errno) }
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
            guard result > 0 else { throw self.failure(role, unfinished, errno) }
            written += result
        }
        guard fsync(descriptor) == 0 else { throw self.failure(role, unfinished, errno) }
        guard rename(unfinished, path) == 0 else { throw self.failure(role, path, errno) }
    }

    static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    /// Creates the directory at `path`, readable by its owner only, and those above it.
    /// - Throws: ``TLSError/file(_:path:problem:)`` naming the directory that could not be made.
    static func makeDirectory(_ path: String, as role: FileRole) throws(TLSError) {
        var end = path.startIndex
        while end != path.endIndex {
            end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
            let directory = String(path[..<end])
            if mkdir(directory, 0o700) != 0, errno != EEXIST {
                // An existing directory may be read-only, where mkdir says so first.
                let failed = errno
                guard self.exists(directory) else { throw self.failure(role, directory, failed) }
            }
        }
    }

    private static func failure(_ role: FileRole, _ path: String, _ code: CInt) -> TLSError {
        .file(role, path: path, problem: String(cString: strerror(code)))
    }
}

/// What tells one state of a file from the next without reading it.
struct FileStamp: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    private let bytes: Int64
    /// Nanoseconds since 1970: of the last change to the contents, and to anything at all.
    private let modified: Int64
    private let changed: Int64
    /// Whether the file had been left alone for ``Limits/settledNanoseconds`` at the time.
    let isSettled: Bool

    /// - Returns: nil if there is no such file, or it cannot be looked at.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        self.device = UInt64(status.st_dev)
        self.inode = UInt64(status.st_ino)
        self.bytes = Int64(status.st_size)
        self.modified = Self.nanoseconds(status.st_mtim)
        self.changed = Self.nanoseconds(status.st_ctim)
        self.isSettled = Self.nanoseconds(now) - self.changed >= Limits.settledNanoseconds
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// Whether both were taken of the same contents; settling alone is no difference.
    static func == (left: Self, right: Self) -> Bool {
        left.device == right.device && left.inode == right.inode && left.bytes == right.bytes
            && left.modified == right.modified && left.changed == right.changed
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(self.inode)
        hasher.combine(self.changed)
    }
}
