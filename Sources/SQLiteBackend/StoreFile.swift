import ByreCore
import Glibc

/// Looks at a database file without SQLite, so that what is refused is not touched: opening one with
/// SQLite may create files beside it or roll a log back.
///
/// The first 100 bytes of a database, integers big-endian; offsets that are used here:
///
///     0   16 bytes  "SQLite format 3" and a zero byte
///     16  2 bytes   page size, 1 for 65,536
///     28  4 bytes   size of the file in pages
///     60  4 bytes   user_version: the schema version of a store
///     68  4 bytes   application_id: "Byre"
///
/// SQLite: <https://www.sqlite.org/fileformat2.html#the_database_header>
enum StoreFile {
    private static let headerBytes = 100
    private static let magic = Array("SQLite format 3\0".utf8)

    /// Whether a store is at `path`, by its header alone.
    /// - Returns: false when there is no file.
    /// - Throws: when there is something else, something newer, or less than the header promises.
    static func exists(at path: String) throws(StoreError) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return false }
            throw StoreError.unusable(path: path, why: systemMessage())
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw StoreError.unusable(path: path, why: systemMessage())
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError.foreign(path: path, what: "it is not a file")
        }
        let header = [UInt8](unsafeUninitializedCapacity: Self.headerBytes) { buffer, count in
            count = max(0, pread(descriptor, buffer.baseAddress, buffer.count, 0))
        }
        guard header.count == Self.headerBytes, header.starts(with: Self.magic) else {
            throw StoreError.foreign(path: path, what: "it is not an SQLite database")
        }
        guard Self.integer(header, at: 68) == UInt32(bitPattern: Schema.applicationID) else {
            throw StoreError.foreign(path: path, what: "it is an SQLite database of something else")
        }
        let version = Int64(Self.integer(header, at: 60))
        guard version <= Schema.version else {
            throw StoreError.newer(path: path, version: version, known: Schema.version)
        }
        // With a log beside it, pages may still be in the log.
        var log = stat()
        if stat(path + "-wal", &log) != 0 {
            let pages = Int64(Self.integer(header, at: 28))
            let size = Int64(header[16]) << 8 | Int64(header[17])
            let bytes = pages * (size == 1 ? 65_536 : size)
            guard status.st_size >= bytes else {
                throw StoreError.corrupt(
                    path: path,
                    what: "it has \(status.st_size) bytes and should have \(bytes)"
                )
            }
        }
        return true
    }

    private static func integer(_ header: [UInt8], at offset: Int) -> UInt32 {
        header[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Makes the directory `path`, for its owner only, and those above it that are missing.
    static func makeDirectory(_ path: String) throws(StoreError) {
        if mkdir(path, 0o700) == 0 {
            try Self.syncParent(of: path)
            return
        }
        if errno == EEXIST { return }
        guard errno == ENOENT, let parent = Self.parent(of: path) else {
            throw StoreError.unusable(path: path, why: systemMessage())
        }
        try Self.makeDirectory(parent)
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw StoreError.unusable(path: path, why: systemMessage())
        }
        try Self.syncParent(of: path)
    }

    /// The directory that holds `path`; nil for the root.
    static func parent(of path: String) -> String? {
        let trimmed = path.reversed().drop { $0 == "/" }
        guard !trimmed.isEmpty else { return nil }
        guard let slash = trimmed.firstIndex(of: "/") else { return "." }
        let parent = trimmed[slash...].drop { $0 == "/" }
        return parent.isEmpty ? "/" : String(parent.reversed())
    }

    /// Makes an empty file for its owner only, in place of any before it.
    ///
    /// SQLite gives the files that it puts beside a database the same mode.
    static func makeEmpty(_ path: String) throws(StoreError) {
        Self.remove(path)
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError.unusable(path: path, why: systemMessage())
        }
        close(descriptor)
    }

    /// Removes a database and what SQLite puts beside it, as far as it is there.
    static func remove(_ path: String) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            unlink(path + suffix)
        }
    }

    /// Removes one file, if it is there.
    static func removeFile(_ path: String) throws(StoreError) {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw StoreError.unusable(path: path, why: systemMessage())
        }
    }

    /// Whether there is anything at `path`.
    static func isThere(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0
    }

    /// Makes what a file holds durable, and gives it its final name, durably.
    static func rename(_ path: String, to final: String) throws(StoreError) {
        try Self.sync(path)
        guard Glibc.rename(path, final) == 0 else {
            throw StoreError.unusable(path: final, why: systemMessage())
        }
        try Self.syncParent(of: final)
    }

    /// Makes the name of `path` as durable as what it names.
    static func syncParent(of path: String) throws(StoreError) {
        try Self.sync(Self.parent(of: path) ?? "/")
    }

    private static func sync(_ path: String) throws(StoreError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw StoreError.unusable(path: path, why: systemMessage())
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw StoreError.unusable(path: path, why: systemMessage())
        }
    }
}
