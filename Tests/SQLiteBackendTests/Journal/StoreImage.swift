import BackendTestKit
import ByreCore
import ByreTestKit
import Glibc
import SQLiteBackend
import Testing

/// Files of a store's directory as they were at one moment: what a crash then would leave.
struct StoreImage {
    var files: [String: [UInt8]]

    /// Copies what is in `directory`, but for the lock and SQLite's shared memory, which a crash does
    /// not leave to the next start.
    init(of directory: String) {
        self.files = [:]
        for name in names(in: directory)
        where !name.hasSuffix(".lock") && !name.hasSuffix("-shm") {
            self.files[name] = Self.read(directory + "/" + name)
        }
    }

    /// What a store opened on the image holds, and that it is in order after that.
    func recovered() throws -> (Recovered, [RowID: Bytes]) {
        let directory = try TemporaryDirectory()
        try self.write(to: directory.path)
        let path = directory.path + "/byre.db"
        #expect(try SQLiteBackend.verify(path: path) == [])
        let backend = try SQLiteBackend(path: path, limits: .small)
        let recovered = try backend.recovered()
        var values: [RowID: Bytes] = [:]
        for tenant in recovered.tenants {
            let rows = recovered.rows.filter { $0.tenant == tenant.record.id }.map(\.version.row)
            for (row, value) in zip(rows, try backend.values(of: tenant.record.id, rows: rows)) {
                values[row] = value
            }
        }
        backend.close()
        #expect(names(in: directory.path) == ["byre.db"])
        return (recovered, values)
    }

    /// Checks that a store opened on the image holds what one of `histories` expects.
    func expect(_ histories: [History], _ place: String) throws {
        let (recovered, values) = try self.recovered()
        let isThere = histories.contains { $0.expected == recovered && $0.values == values }
        #expect(isThere, "\(place): revision \(recovered.tenants.first?.record.revision ?? 0)")
    }

    func write(to directory: String) throws {
        for (name, bytes) in self.files {
            let descriptor = open(directory + "/" + name, O_CREAT | O_TRUNC | O_WRONLY, 0o600)
            #expect(descriptor >= 0)
            #expect(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
            close(descriptor)
        }
    }

    private static func read(_ path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
            count = max(0, pread(descriptor, buffer.baseAddress, buffer.count, 0))
        }
    }
}

extension SQLiteLimits {
    /// Small, so that the journal's files are full, and the log starts over, all the time.
    static var small: SQLiteLimits {
        var limits = SQLiteLimits()
        limits.journalFileBytes = 24 << 10
        limits.journalStepBytes = 8 << 10
        limits.directBytes = 20 << 10
        limits.settleBytes = 4 << 10
        limits.checkpointBytes = 64 << 10
        limits.checkpointTailBytes = 32 << 10
        limits.logBytesMax = 128 << 10
        limits.idleLogBytes = 32 << 10
        return limits
    }
}
