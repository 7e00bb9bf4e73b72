import Glibc

/// What tells one state of a file from the next.
struct FileStamp: Hashable {
    let path: String
    let inode: UInt64
    /// Bytes it holds; -1 if there is no such file.
    let bytes: Int64
    /// When it was last written, as the system's `timespec` has it.
    let modified: [UInt8]

    /// Looks at a file, through links.
    init(_ path: String) {
        var status = stat()
        let isThere = stat(path, &status) == 0
        self.path = path
        self.inode = isThere ? UInt64(status.st_ino) : 0
        self.bytes = isThere ? Int64(status.st_size) : -1
        self.modified = isThere ? withUnsafeBytes(of: status.st_mtim) { Array($0) } : []
    }
}
