import Glibc

/// A file that is read whole, and replaced as a whole.
package struct WholeFile: Hashable, Sendable {
    package let bytes: [UInt8]
    /// Who may read and write it: the nine bits of its mode.
    package let mode: UInt32

    package init(bytes: [UInt8], mode: UInt32) {
        self.bytes = bytes
        self.mode = mode
    }

    private static let sliceBytes = 64 << 10

    /// Reads the file at `path`.
    /// - Parameters:
    ///   - bytesMax: A larger file is refused.
    ///   - followsLink: Whether `path` may be a symbolic link.
    package static func read(
        _ path: String,
        bytesMax: Int,
        followsLink: Bool = true
    ) throws(FileProblem) -> WholeFile {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | (followsLink ? 0 : O_NOFOLLOW))
        guard descriptor >= 0 else { throw FileProblem(path, code: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileProblem(path, code: errno) }
        let file = OpenFile(descriptor, name: path)
        var bytes: [UInt8] = []
        while bytes.count <= bytesMax {
            let slice = try file.read(upTo: Self.sliceBytes)
            if slice.isEmpty { return WholeFile(bytes: bytes, mode: status.st_mode & 0o777) }
            bytes += slice
        }
        throw FileProblem(path, "is larger than \(bytesMax) bytes")
    }

    /// Writes a file, in place of any before it: whoever reads it finds all of the one or the other.
    ///
    /// The bytes are written under another name, `path` with `.tmp` behind it, and renamed.
    /// - Parameters:
    ///   - mode: Who may read it, as far as the process's mask lets them.
    ///   - isDurable: Whether the bytes are on disk before the file appears under its name, so that
    ///     not even a machine that goes down leaves less.
    package static func replace(
        _ path: String,
        with bytes: [UInt8],
        mode: UInt32,
        isDurable: Bool
    ) throws(FileProblem) {
        let unfinished = path + ".tmp"
        // What a crash left, or somebody else put there to have the file in their hands.
        unlink(unfinished)
        let descriptor = open(
            unfinished,
            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
            mode
        )
        guard descriptor >= 0 else { throw FileProblem(unfinished, code: errno) }
        defer { close(descriptor) }
        try OpenFile(descriptor, name: unfinished).write(bytes)
        guard !isDurable || fsync(descriptor) == 0 else {
            throw FileProblem(unfinished, code: errno)
        }
        guard rename(unfinished, path) == 0 else { throw FileProblem(path, code: errno) }
    }
}
