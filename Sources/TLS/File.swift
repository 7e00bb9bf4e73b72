import Files
import Glibc

/// Files with certificates and keys.
enum File {
    /// Reads the file at `path`.
    /// - Throws: ``TLSError/file(_:path:problem:)`` in the operating system's words, or when the
    ///   file is larger than ``Limits/fileBytesMax``.
    static func read(_ path: String, as role: FileRole) throws(TLSError) -> [UInt8] {
        do throws(FileProblem) {
            return try WholeFile.read(path, bytesMax: Limits.fileBytesMax).bytes
        } catch {
            throw TLSError(error, role)
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
        mode: UInt32
    ) throws(TLSError) {
        do throws(FileProblem) {
            try WholeFile.replace(path, with: bytes, mode: mode, isDurable: true)
        } catch {
            throw TLSError(error, role)
        }
    }

    static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    /// Creates the directory at `path`, readable by its owner only, and those above it.
    /// - Throws: ``TLSError/file(_:path:problem:)`` naming the directory that could not be made.
    static func makeDirectory(_ path: String, as role: FileRole) throws(TLSError) {
        do throws(FileProblem) {
            try Directory.make(path)
        } catch {
            throw TLSError(error, role)
        }
    }
}

extension TLSError {
    fileprivate init(_ problem: FileProblem, _ role: FileRole) {
        self = .file(role, path: problem.path, problem: problem.text)
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
