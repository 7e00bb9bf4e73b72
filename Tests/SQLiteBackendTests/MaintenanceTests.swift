import BackendTestKit
import ByreCore
import ByreTestKit
import Glibc
import SQLite
import SQLiteBackend
import Testing

@Suite struct MaintenanceTests {
    private let directory: TemporaryDirectory
    private var path: String { self.directory.path + "/byre.db" }
    private let value = Bytes(repeating: 9, count: 4_000)

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// A store with `rows` rows of about 4 KB, of which all but the last are compacted away.
    private func makeCompacted(_ rows: Int, _ limits: SQLiteLimits) throws -> SQLiteBackend {
        let backend = try SQLiteBackend(path: self.path, limits: limits)
        var history = History()
        history.create(1, "default")
        for _ in 0..<rows { history.write(1, [("k", self.value)]) }
        try backend.commit(history.take())
        history.compact(1, to: Int64(rows) + 1, removing: Array(1..<Int64(rows)))
        try backend.commit(history.take())
        #expect(try !backend.settle(isIdle: true))
        return backend
    }

    @Test func defragmentGivesEveryFreePageBack() throws {
        let backend = try self.makeCompacted(1_000, SQLiteLimits())
        try backend.defragment()
        #expect(self.size(self.path) < 200_000)
        #expect(self.size(self.path + "-wal") == 0)
        backend.close()
        #expect(try SQLiteBackend.verify(path: self.path) == [])
    }

    @Test func maintenanceGivesBackASliceAtATimeAndKeepsSomeFree() throws {
        var limits = SQLiteLimits()
        limits.vacuumPagesPerSlice = 50
        limits.freeBytesKept = 1 << 20
        limits.freePartKept = 0
        let backend = try self.makeCompacted(1_000, limits)
        let connection = try Connection(path: self.path, access: .readOnly)
        let before = try connection.integer("PRAGMA freelist_count")
        #expect(before > 300)
        var free = before
        while try backend.maintain() {
            let left = try connection.integer("PRAGMA freelist_count")
            #expect(free - left <= 50)
            #expect(left < free)
            free = left
        }
        #expect(free <= (1 << 20) / Int64(limits.pageBytes))
        #expect(free > 0)
        #expect(try !backend.maintain())
        backend.close()
    }

    @Test func maintenanceLeavesAPartOfTheFileFree() throws {
        var limits = SQLiteLimits()
        limits.freeBytesKept = 0
        limits.freePartKept = 1
        let backend = try self.makeCompacted(200, limits)
        #expect(try !backend.maintain())
        backend.close()
    }

    @Test func theLogStaysWithinItsBoundWhileCommitsGoOn() throws {
        var limits = SQLiteLimits()
        limits.checkpointBytes = 256 << 10
        limits.checkpointTailBytes = 0
        limits.logBytesMax = 1 << 20
        let backend = try SQLiteBackend(path: self.path, limits: limits)
        var history = History()
        history.create(1, "default")
        for _ in 0..<1_500 {
            history.write(1, [("k", self.value)])
            try backend.commit(history.take())
            #expect(try !backend.settle(isIdle: true))
        }
        // A commit may pass the bound before it is seen, and a pass under way is waited out by
        // commits that go on.
        #expect(self.size(self.path + "-wal") < 4 << 20)
        backend.close()
    }

    @Test func aReaderThatLooksBackMakesTheLogGrowAndItRecovers() throws {
        var limits = SQLiteLimits()
        limits.checkpointBytes = 64 << 10
        limits.logBytesMax = 256 << 10
        limits.idleLogBytes = 64 << 10
        let backend = try SQLiteBackend(path: self.path, limits: limits)
        var history = History()
        history.create(1, "default")
        try backend.commit(history.take())
        let person = try Connection(path: self.path, access: .readOnly)
        try person.execute("BEGIN")
        #expect(try person.integer("SELECT count(*) FROM kv") == 0)
        for _ in 0..<300 {
            history.write(1, [("k", self.value)])
            try backend.commit(history.take())
            #expect(try !backend.settle(isIdle: true))
        }
        #expect(self.size(self.path + "-wal") > 1 << 20)
        #expect(try person.integer("SELECT count(*) FROM kv") == 0)
        try person.execute("COMMIT")
        while try backend.maintain() {}
        try backend.defragment()
        #expect(self.size(self.path + "-wal") == 0)
        #expect(try person.integer("SELECT count(*) FROM kv") == 300)
        backend.close()
    }
}
