import Glibc

/// Why the operating system did not do something with a file.
package struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The `errno`.
    package let code: CInt

    package init(code: CInt) {
        self.code = code
    }

    package var description: String { systemMessage(self.code) }
}

/// An open file and the name it was opened under. Who opens it closes it.
package struct OpenFile: Sendable {
    package let path: String
    package let descriptor: CInt

    func close() {
        Glibc.close(self.descriptor)
    }
}

/// What the journal asks of the operating system, so that tests can let any of it fail.
package struct FileLayer: Sendable {
    /// Makes an empty file for its owner only.
    package var create: @Sendable (_ path: String) throws(FileError) -> OpenFile
    /// Opens a file that is there, to sync it.
    package var open: @Sendable (_ path: String) throws(FileError) -> OpenFile
    /// Writes all of `bytes` at `offset`, or throws with some part written.
    package var write:
        @Sendable (
            _ file: OpenFile, _ bytes: UnsafeRawBufferPointer, _ offset: Int
        ) throws(FileError) -> Void
    /// Makes durable what was written to the file by anybody, and its size.
    package var sync: @Sendable (_ file: OpenFile) throws(FileError) -> Void
    /// Makes durable which files are in a directory.
    package var syncDirectory: @Sendable (_ path: String) throws(FileError) -> Void
    /// Removes a file, if it is there.
    package var remove: @Sendable (_ path: String) throws(FileError) -> Void

    /// The real thing.
    package static let system = FileLayer(
        create: { path throws(FileError) in
            try Self.open(path, O_RDWR | O_CREAT | O_EXCL)
        },
        open: { path throws(FileError) in
            try Self.open(path, O_RDWR)
        },
        write: { file, bytes, offset throws(FileError) in
            var written = 0
            while written < bytes.count {
                let count = pwrite(
                    file.descriptor,
                    bytes.baseAddress.map { $0 + written },
                    bytes.count - written,
                    offset + written
                )
                if count > 0 {
                    written += count
                } else if count == 0 || errno != EINTR {
                    throw FileError(code: count == 0 ? ENOSPC : errno)
                }
            }
        },
        sync: { file throws(FileError) in
            while fdatasync(file.descriptor) != 0 {
                guard errno == EINTR else { throw FileError(code: errno) }
            }
        },
        syncDirectory: { path throws(FileError) in
            let directory = try Self.open(path, O_RDONLY | O_DIRECTORY)
            defer { close(directory.descriptor) }
            guard fsync(directory.descriptor) == 0 else { throw FileError(code: errno) }
        },
        remove: { path throws(FileError) in
            guard unlink(path) == 0 || errno == ENOENT else { throw FileError(code: errno) }
        }
    )

    private static func open(_ path: String, _ flags: CInt) throws(FileError) -> OpenFile {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError(code: errno) }
        return OpenFile(path: path, descriptor: descriptor)
    }
}
