import Files
import Glibc

/// Files of a ``DirectorySink``: read whole, and replaced at once.
enum SinkFile {
    /// Largest file that is read; certificates and keys have a few thousand bytes.
    static let bytesMax = 1 << 20

    static let mode: mode_t = 0o600

    /// Reads a file.
    /// - Returns: nil when there is none.
    static func read(_ path: String) throws(SinkFailure) -> WholeFile? {
        do throws(FileProblem) {
            return try WholeFile.read(path, bytesMax: self.bytesMax, followsLink: false)
        } catch {
            if error.isMissing { return nil }
            throw SinkFailure(error)
        }
    }

    /// Replaces a file: whoever reads it finds all of it or what was there before.
    static func write(_ bytes: [UInt8], to path: String) throws(SinkFailure) {
        do throws(FileProblem) {
            try WholeFile.replace(path, with: bytes, mode: self.mode, isDurable: true)
        } catch {
            throw SinkFailure(error)
        }
    }

    /// Removes a file, if there is one.
    static func remove(_ path: String) throws(SinkFailure) {
        guard unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR else {
            throw self.failure(path)
        }
    }

    /// Makes a directory for this user alone, and those above it that are missing.
    static func makeDirectory(_ path: String) throws(SinkFailure) {
        do throws(FileProblem) {
            try Directory.make(path)
        } catch {
            throw SinkFailure(error)
        }
    }

    /// Whether there is anything at `path`, be it a link that leads nowhere.
    static func isThere(_ path: String) throws(SinkFailure) -> Bool {
        var status = stat()
        if lstat(path, &status) == 0 { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw self.failure(path) }
        return false
    }

    /// Who may enter a directory; nil when there is none.
    static func mode(ofDirectory path: String) -> mode_t? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return status.st_mode & 0o777
    }

    /// Runs `body` while no other process writes below a directory, which is there.
    /// - Throws: ``SinkFailure/conflict`` when somebody else has removed it, or does so again and again.
    static func locked<R>(
        _ directory: String,
        _ body: () throws(SinkFailure) -> R
    ) throws(SinkFailure) -> R {
        let path = directory + "/" + self.lockName
        for _ in 0..<self.lockAttemptsMax {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, self.mode)
            guard descriptor >= 0 else {
                throw errno == ENOENT ? .conflict : self.failure(path)
            }
            defer { close(descriptor) }
            while flock(descriptor, LOCK_EX) != 0 {
                guard errno == EINTR else { throw self.failure(path) }
            }
            // Whoever had it may have removed it with all else.
            if self.isFile(descriptor, at: path) { return try body() }
        }
        throw .conflict
    }

    /// Times that a lock is taken that turns out to be removed.
    private static let lockAttemptsMax = 8

    private static func isFile(_ descriptor: CInt, at path: String) -> Bool {
        var held = stat()
        var named = stat()
        return fstat(descriptor, &held) == 0 && lstat(path, &named) == 0
            && held.st_ino == named.st_ino && held.st_dev == named.st_dev
    }

    /// The file that is locked, and the mark of a directory that is a sink's.
    static let lockName = ".lock"

    static func failure(_ path: String) -> SinkFailure {
        .unavailable("\(path): \(String(cString: strerror(errno)))")
    }
}

extension SinkFailure {
    fileprivate init(_ problem: FileProblem) {
        self = .unavailable(problem.description)
    }
}
