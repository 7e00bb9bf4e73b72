import ByreCore
import Glibc

/// What makes an ordinary batch durable: two files beside the database, written in turn.
///
/// A batch is appended as one record and synced; SQLite gets it afterwards, unsynced. A lone small
/// append into a file whose blocks are written already is the cheapest durable write there is: no
/// metadata changes, one block or two. A commit of SQLite's log is two pages and their checksums at
/// least.
///
/// The files grow by steps of zeros up to a bound and are then written over in place, never cut. A
/// file may be written over when all its records are durable in SQLite; until the other one is full
/// there is time for that. Records of an earlier round are told by their number, which SQLite has.
///
/// Belongs to the writer thread.
///
/// **Assumption**, SQLite's own too ("powersafe overwrite"): a write that power loss cuts short
/// harms no byte outside its range.
package final class Journal {
    private struct File {
        let file: OpenFile
        /// Bytes that were written and synced once, so that writing them anew changes no metadata.
        var allocated = 0
        /// Where the next record begins.
        var end = 0
        /// Number of the newest record; 0 for none.
        var last: Int64 = 0
    }

    private let layer: FileLayer
    private let limits: SQLiteLimits
    private let epoch: UInt64
    private var current: File
    private var other: File
    private var buffer: UnsafeMutableRawBufferPointer
    /// Number of the next record.
    private(set) var next: Int64
    /// Whether the sync of a record failed that has not been erased since: after a crash it could
    /// come back, at the end of `current`.
    private var hasDoubtfulRecord = false

    /// The paths of the files beside the database file `path`.
    package static func paths(of path: String) -> [String] {
        [path + ".journal.1", path + ".journal.2"]
    }

    /// Makes the files, in place of any before, durably.
    ///
    /// Without room for their first step they are made empty, and grow when there is some.
    /// - Parameter next: one more than the number of the last record that SQLite has.
    init(path: String, next: Int64, limits: SQLiteLimits, layer: FileLayer) throws(FileError) {
        let paths = Self.paths(of: path)
        for path in paths { try layer.remove(path) }
        let current = File(file: try layer.create(paths[0]))
        do throws(FileError) {
            self.other = File(file: try layer.create(paths[1]))
        } catch {
            close(current.file.descriptor)
            throw error
        }
        self.current = current
        self.layer = layer
        self.limits = limits
        self.next = next
        self.epoch = SystemRandomNumberGenerator().drawn()
        self.buffer = .allocate(byteCount: 64 << 10, alignment: 8)
        try layer.syncDirectory(StoreFile.parent(of: path) ?? "/")
        _ = try? Self.grow(&self.current, to: 1, limits, layer)
        _ = try? Self.grow(&self.other, to: 1, limits, layer)
    }

    deinit {
        close(self.current.file.descriptor)
        close(self.other.file.descriptor)
        self.buffer.deallocate()
    }

    /// Removes the files: SQLite has all their records, durably.
    func remove() throws(FileError) {
        try self.layer.remove(self.current.file.path)
        try self.layer.remove(self.other.file.path)
    }

    /// Number of the newest record of the file that is full; 0 when none is.
    ///
    /// Once SQLite has it durably, the file can be written over.
    var lastOfFull: Int64 { self.other.last }

    // MARK: Appending

    /// Makes `batch` durable as the record ``next``.
    ///
    /// When it throws, the batch is not in the journal, and unless the error says otherwise no crash
    /// will bring it there.
    /// - Parameters:
    ///   - bytes: ``BatchEncoding/bytes(of:)`` of the batch.
    ///   - free: returns when SQLite has all records up to a number, durably.
    /// - Returns: the record's number.
    func append(
        _ batch: CommitBatch,
        bytes: Int,
        free: (_ through: Int64) throws(BackendError) -> Void
    ) throws(BackendError) -> Int64 {
        try self.eraseDoubtful()
        let size = JournalRecord.bytes(payload: bytes)
        try self.makeRoom(size, free)
        let record = self.record(size)
        BatchEncoding.encode(
            batch,
            into: UnsafeMutableRawBufferPointer(
                rebasing: record[JournalRecord.headerBytes..<JournalRecord.headerBytes + bytes]
            )
        )
        JournalRecord.seal(record, payload: bytes, epoch: self.epoch, number: self.next)
        do throws(FileError) {
            try self.layer.write(
                self.current.file,
                UnsafeRawBufferPointer(record),
                self.current.end
            )
        } catch {
            // Without its end the record is none, and nothing but another record is written here.
            throw BackendError.unavailable("journal: \(error)")
        }
        do throws(FileError) {
            try self.layer.sync(self.current.file)
        } catch {
            self.hasDoubtfulRecord = true
            try self.settleDoubt(after: error)
        }
        self.current.end += size
        self.current.last = self.next
        self.next += 1
        return self.current.last
    }

    /// Makes it certain that a record, whose sync failed with `error`, does not exist.
    ///
    /// The kernel may take pages that it failed to write for written, so syncing again would prove
    /// nothing. The header is written over, and that is synced.
    /// - Throws: ``BackendError/unavailable(_:)``, or ``BackendError/uncertain(_:)`` when that failed.
    private func settleDoubt(after error: FileError) throws(BackendError) -> Never {
        do throws(FileError) {
            try self.erase()
        } catch let second {
            throw BackendError.uncertain("journal: \(error), then \(second)")
        }
        throw BackendError.unavailable("journal: \(error)")
    }

    /// Erases a record that should not be there, before another one is written.
    func eraseDoubtful() throws(BackendError) {
        guard self.hasDoubtfulRecord else { return }
        do throws(FileError) {
            try self.erase()
        } catch {
            // Of the batch at hand nothing was written.
            throw BackendError.unavailable("journal: \(error)")
        }
    }

    private func erase() throws(FileError) {
        let zeros = self.record(JournalRecord.headerBytes)
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        try self.layer.write(self.current.file, UnsafeRawBufferPointer(zeros), self.current.end)
        try self.layer.sync(self.current.file)
        self.hasDoubtfulRecord = false
    }

    /// Memory for a record.
    private func record(_ size: Int) -> UnsafeMutableRawBufferPointer {
        if self.buffer.count < size {
            self.buffer.deallocate()
            self.buffer = .allocate(byteCount: max(size, 2 * self.buffer.count), alignment: 8)
        }
        return UnsafeMutableRawBufferPointer(rebasing: self.buffer[..<size])
    }

    // MARK: Room

    /// Has `size` bytes at the end of the current file, or of the other one in its place.
    private func makeRoom(
        _ size: Int,
        _ free: (_ through: Int64) throws(BackendError) -> Void
    ) throws(BackendError) {
        if self.current.end + size <= self.current.allocated { return }
        do throws(FileError) {
            if try Self.grow(&self.current, to: self.current.end + size, self.limits, self.layer) {
                return
            }
        } catch {
            // No room here. The other file may have some, when what it holds is not needed.
            guard self.other.allocated >= size else {
                throw BackendError.unavailable("journal: \(error)")
            }
        }
        if self.other.last > 0 { try free(self.other.last) }
        self.other.end = 0
        self.other.last = 0
        do throws(FileError) {
            guard try Self.grow(&self.other, to: size, self.limits, self.layer) else {
                throw FileError(code: EFBIG)
            }
        } catch {
            throw BackendError.unavailable("journal: \(error)")
        }
        swap(&self.current, &self.other)
    }

    /// Bytes of zeros that a file is extended by at once.
    ///
    /// What one write adds the kernel keeps in one piece and goes over all of it whenever some of it
    /// is written anew and synced: in pieces of 1 MiB that took 75 us for a record of 1 KiB, in these
    /// 45 us.
    private static let zerosBytes = 16 << 10

    /// Extends a file by zeros, a step at a time, until it has `size` bytes.
    /// - Returns: false when the bound forbids it.
    private static func grow(
        _ file: inout File,
        to size: Int,
        _ limits: SQLiteLimits,
        _ layer: FileLayer
    ) throws(FileError) -> Bool {
        guard size > file.allocated else { return true }
        let step = limits.journalStepBytes
        let end = (size + step - 1) / step * step
        guard end <= limits.journalFileBytes else { return false }
        let size = min(step, Self.zerosBytes)
        let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer { zeros.deallocate() }
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        for offset in stride(from: file.allocated, to: end, by: size) {
            let piece = zeros[..<min(size, end - offset)]
            try layer.write(file.file, UnsafeRawBufferPointer(rebasing: piece), offset)
        }
        try layer.sync(file.file)
        file.allocated = end
        return true
    }
}

extension SystemRandomNumberGenerator {
    fileprivate consuming func drawn() -> UInt64 { self.next() }
}
