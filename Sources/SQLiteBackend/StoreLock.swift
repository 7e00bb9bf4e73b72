import ByreCore
import Glibc

/// Keeps a store to one process: a locked file beside the database that tells who has it.
///
/// The lock is the kernel's and ends with the process, however it ends. The file is removed on
/// release; a starter that meanwhile locked the removed file notices and begins again.
///
/// Linux: <https://man7.org/linux/man-pages/man2/flock.2.html>
struct StoreLock: ~Copyable {
    private let path: String
    private let descriptor: CInt

    /// Bytes of the file that are read to name the holder.
    private static let holderBytesMax = 512
    /// Times that a file removed in the middle is tried anew; more means that something else is wrong.
    private static let attemptsMax = 100

    /// Locks `path`, making the file if need be.
    /// - Throws: ``StoreError/inUse(path:holder:)`` when another process has it.
    init(path: String, of store: String) throws(StoreError) {
        for _ in 0..<Self.attemptsMax {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw StoreError.unusable(path: path, why: systemMessage())
            }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                let holder = Self.holder(descriptor)
                close(descriptor)
                guard code == EWOULDBLOCK else {
                    throw StoreError.unusable(path: path, why: systemMessage(code))
                }
                throw StoreError.inUse(path: store, holder: holder)
            }
            var locked = stat()
            var named = stat()
            if fstat(descriptor, &locked) == 0, stat(path, &named) == 0,
                locked.st_ino == named.st_ino, locked.st_dev == named.st_dev
            {
                self.path = path
                self.descriptor = descriptor
                self.writeHolder()
                return
            }
            close(descriptor)
        }
        throw StoreError.unusable(path: path, why: "it is being removed again and again")
    }

    deinit {
        // While still locked, so that nobody's fresh file is removed.
        unlink(self.path)
        close(self.descriptor)
    }

    /// Whether somebody holds the lock `path`, without taking it or making the file.
    static func isHeld(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    private static func holder(_ descriptor: CInt) -> String {
        let text = [UInt8](unsafeUninitializedCapacity: Self.holderBytesMax) { buffer, count in
            count = max(0, pread(descriptor, buffer.baseAddress, buffer.count, 0))
        }
        let line = text.prefix { $0 != UInt8(ascii: "\n") }
        return line.isEmpty ? "another process" : String(decoding: line, as: UTF8.self)
    }

    /// Writes who has the lock.
    ///
    /// Failure (a full disk) costs the next starter the name, nothing else.
    private borrowing func writeHolder() {
        var name = [CChar](repeating: 0, count: 256)
        let host =
            gethostname(&name, name.count - 1) == 0
            ? String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            : "this host"
        let line = Array("process \(getpid()) on \(host)\n".utf8)
        ftruncate(self.descriptor, 0)
        _ = pwrite(self.descriptor, line, line.count, 0)
    }
}

/// The operating system's words for an error.
func systemMessage(_ code: CInt = errno) -> String {
    String(cString: strerror(code))
}
