import BackendTestKit
import ByreCore
import ByreTestKit
import Glibc
import SQLite
import SQLiteBackend
import Synchronization
import Testing

/// *Honest*: what the journal says of a commit that failed is true, after a crash too.
@Suite struct JournalFaultTests {
    /// What the file layer refuses.
    private struct Faults {
        /// Syncs of the journal that fail from now on.
        var journalSyncs = 0
        /// Whether syncs of SQLite's log fail.
        var logSync = false
        /// The size that the journal's files cannot pass.
        var sizeMax = Int.max
        /// Bytes of a journal write after which it fails, once.
        var writeStopsAfter: Int?
    }

    private final class Disk: Sendable {
        let faults = Mutex(Faults())

        func set(_ change: (inout Faults) -> Void) { self.faults.withLock { change(&$0) } }

        var layer: FileLayer {
            var layer = FileLayer.system
            layer.write = { file, bytes, offset throws(FileError) in
                let (isFull, stop) = self.faults.withLock { faults in
                    defer { faults.writeStopsAfter = nil }
                    return (offset + bytes.count > faults.sizeMax, faults.writeStopsAfter)
                }
                if isFull { throw FileError(code: ENOSPC) }
                guard let stop else { return try FileLayer.system.write(file, bytes, offset) }
                let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(stop))
                try FileLayer.system.write(file, part, offset)
                throw FileError(code: EIO)
            }
            layer.sync = { file throws(FileError) in
                let fails = self.faults.withLock { faults in
                    if file.path.hasSuffix("-wal") { return faults.logSync }
                    guard faults.journalSyncs > 0 else { return false }
                    faults.journalSyncs -= 1
                    return true
                }
                if fails { throw FileError(code: EIO) }
                try FileLayer.system.sync(file)
            }
            return layer
        }
    }

    private let directory: TemporaryDirectory
    private let disk = Disk()
    private var path: String { self.directory.path }

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func open(
        _ limits: SQLiteLimits = .small
    ) throws -> (backend: SQLiteBackend, history: History) {
        let backend = try SQLiteBackend(
            directory: self.path,
            limits: limits,
            files: self.disk.layer
        )
        _ = try backend.recovered()
        var history = History()
        history.create(1, "default")
        history.write(1, [("first", [1])])
        try backend.commit(history.take())
        return (backend, history)
    }

    private static func put(_ history: inout History, bytes: Int = 100) -> CommitBatch {
        history.write(1, [("k", Bytes(repeating: 5, count: bytes))])
        return history.take()
    }

    private func expectRefused(
        _ backend: SQLiteBackend,
        _ batch: CommitBatch,
        _ isExpected: (BackendError) -> Bool
    ) {
        do throws(BackendError) {
            try backend.commit(batch)
            Issue.record("committed")
        } catch {
            #expect(isExpected(error), "\(error)")
        }
    }

    private static func isUnavailable(_ error: BackendError) -> Bool {
        if case .unavailable = error { true } else { false }
    }

    private static func isUncertain(_ error: BackendError) -> Bool {
        if case .uncertain = error { true } else { false }
    }

    @Test func aFailedSyncLeavesNothingThatACrashCouldBringBack() throws {
        var (backend, history) = try self.open()
        try backend.commit(Self.put(&history))
        var lost = history
        self.disk.set { $0.journalSyncs = 1 }
        self.expectRefused(backend, Self.put(&lost), Self.isUnavailable)
        try StoreImage(of: self.path).expect([history], "after the failure")
        try backend.commit(Self.put(&history, bytes: 10))
        try StoreImage(of: self.path).expect([history], "after the next commit")
        backend.close()
        try StoreImage(of: self.path).expect([history], "after closing")
    }

    @Test func whatCannotBeErasedIsUncertainAndNothingFollowsUntilItCan() throws {
        var (backend, history) = try self.open()
        var lost = history
        self.disk.set { $0.journalSyncs = 4 }
        self.expectRefused(backend, Self.put(&lost), Self.isUncertain)
        for _ in 0..<2 {
            // Nothing was written of these; the first one's fate is still open.
            var attempt = history
            self.expectRefused(backend, Self.put(&attempt, bytes: 7), Self.isUnavailable)
            try StoreImage(of: self.path).expect([history, lost], "while it is uncertain")
        }
        try backend.commit(Self.put(&history, bytes: 3))
        try StoreImage(of: self.path).expect([history], "once it is erased")
        backend.close()
        try StoreImage(of: self.path).expect([history], "after closing")
    }

    @Test func aCommitThatGoesToSQLiteWaitsTooUntilADoubtfulRecordIsErased() throws {
        var (backend, history) = try self.open()
        var lost = history
        self.disk.set { $0.journalSyncs = 3 }
        self.expectRefused(backend, Self.put(&lost), Self.isUncertain)
        var attempt = history
        self.expectRefused(backend, Self.put(&attempt, bytes: 2 << 20), Self.isUnavailable)
        try backend.commit(Self.put(&history, bytes: 2 << 20))
        try StoreImage(of: self.path).expect([history], "with the record erased before it")
        backend.close()
        try StoreImage(of: self.path).expect([history], "after closing")
    }

    @Test(arguments: [0, 1, 31, 32, 33, 100, 200])
    func aWriteThatStopsHalfwayLeavesNothing(bytes: Int) throws {
        var (backend, history) = try self.open()
        try backend.commit(Self.put(&history))
        var lost = history
        self.disk.set { $0.writeStopsAfter = bytes }
        self.expectRefused(backend, Self.put(&lost), Self.isUnavailable)
        try StoreImage(of: self.path).expect([history], "after the failure")
        try backend.commit(Self.put(&history))
        try StoreImage(of: self.path).expect([history], "after the next commit")
        backend.close()
    }

    @Test func withoutRoomToGrowTheOtherFileIsUsedAndThenCommitsGoOnInIt() throws {
        self.disk.set { $0.sizeMax = 8 << 10 }
        var (backend, history) = try self.open()
        for _ in 0..<60 {
            try backend.commit(Self.put(&history, bytes: 1_000))
            _ = try backend.settle(isIdle: false)
        }
        try StoreImage(of: self.path).expect([history], "with one step a file")
        backend.close()
    }

    @Test func withoutRoomAtAllCommitsAreRefusedUntilThereIsSome() throws {
        self.disk.set { $0.sizeMax = 0 }
        var (backend, history) = try self.open()
        for _ in 0..<2 {
            var attempt = history
            self.expectRefused(backend, Self.put(&attempt), Self.isUnavailable)
        }
        try StoreImage(of: self.path).expect([history], "without a journal")
        // What goes to SQLite itself needs no journal.
        try backend.commit(Self.put(&history, bytes: 30_000))
        self.disk.set { $0.sizeMax = .max }
        try backend.commit(Self.put(&history))
        try StoreImage(of: self.path).expect([history], "with one again")
        backend.close()
    }

    @Test func aLogThatCannotBeSyncedIsMovedIntoTheDatabaseBeforeAFileIsWrittenOver() throws {
        var (backend, history) = try self.open()
        self.disk.set { $0.logSync = true }
        for _ in 0..<100 {
            try backend.commit(Self.put(&history, bytes: 1_000))
            _ = try backend.settle(isIdle: false)
        }
        let image = StoreImage(of: self.path)
        try image.expect([history], "with a log in doubt")
        // Whatever is in the log: the database and the journal make the store.
        var without = image
        without.files["byre.db-wal"] = nil
        try without.expect([history], "without the log")
        backend.close()
    }

    @Test func aLogThatCanNeitherBeSyncedNorMovedStopsCommits() throws {
        var limits = SQLiteLimits.small
        limits.busyMilliseconds = 1
        var (backend, history) = try self.open(limits)
        self.disk.set { $0.logSync = true }
        let person = try Connection(path: self.path + "/byre.db", access: .readOnly)
        try person.execute("BEGIN")
        #expect(try person.integer("SELECT count(*) FROM kv") == 1)
        var isRefused = false
        for _ in 0..<200 where !isRefused {
            var attempt = history
            do throws(BackendError) {
                try backend.commit(Self.put(&attempt, bytes: 1_000))
                history = attempt
                _ = try backend.settle(isIdle: false)
            } catch {
                #expect(Self.isUnavailable(error))
                isRefused = true
            }
        }
        #expect(isRefused)
        try StoreImage(of: self.path).expect([history], "while it stops")
        try person.execute("COMMIT")
        try backend.commit(Self.put(&history))
        try StoreImage(of: self.path).expect([history], "as it goes on")
        backend.close()
    }

    @Test func whatSQLiteHasNoRoomForWaitsInTheJournalAndCanBeRead() throws {
        var limits = SQLiteLimits.small
        limits.pagesMax = 60
        var (backend, history) = try self.open(limits)
        var failure: BackendError?
        while failure == nil {
            try backend.commit(Self.put(&history, bytes: 4_000))
            do throws(BackendError) {
                _ = try backend.settle(isIdle: true)
            } catch {
                failure = error
            }
        }
        #expect(Self.isUnavailable(failure ?? .corrupt("nothing failed")))
        // It was acknowledged, so it is there: for readers, and after a crash.
        let rows = history.expected.rows.map(\.version.row)
        let values = try backend.values(of: TenantID(rawValue: 1), rows: rows)
        #expect(values == rows.map { history.values[$0] })
        var scanned: [RowID] = []
        var span = RowSpan(from: RowID(rawValue: 2))
        for row in rows.dropFirst() { span.include(row) }
        try backend.makeReader().scan(TenantID(rawValue: 1), in: span) {
            _,
            version,
            _ in
            scanned.append(version.row)
            return true
        }
        #expect(scanned == Array(rows.dropFirst()))
        try StoreImage(of: self.path).expect([history], "while it waits")
        for _ in 0..<3 {
            var attempt = history
            self.expectRefused(backend, Self.put(&attempt), Self.isUnavailable)
        }
        try StoreImage(of: self.path).expect([history], "after refusals")

        // Compaction makes room for what waits.
        let end = (rows.last?.rawValue ?? 0) - 1
        history.compact(1, to: end, removing: Array(2..<end - 1))
        try backend.commit(history.take())
        try backend.commit(Self.put(&history))
        #expect(try !backend.settle(isIdle: true))
        try StoreImage(of: self.path).expect([history], "with room again")
        backend.close()
    }

    @Test func closingWithoutRoomLeavesTheJournalToTheNextStart() throws {
        var limits = SQLiteLimits.small
        limits.pagesMax = 40
        var (backend, history) = try self.open(limits)
        var isFull = false
        while !isFull {
            try backend.commit(Self.put(&history, bytes: 4_000))
            isFull = (try? backend.settle(isIdle: true)) == nil
        }
        backend.close()
        #expect(names(in: self.path).contains("byre.db.journal.1"))
        try StoreImage(of: self.path).expect([history], "after closing")
        let error = #expect(throws: StoreError.self) {
            try SQLiteBackend(directory: self.path, limits: limits)
        }
        #expect(error?.description.contains(/free [1-9][0-9]* bytes and start again/) == true)
        try StoreImage(of: self.path).expect([history], "after a start that was refused")
    }

    @Test func aBatchThatDoesNotFitTheStoreNeverGetsIntoTheJournal() throws {
        var (backend, history) = try self.open()
        let faults: [(inout CommitBatch) -> Void] = [
            { $0.rows[0].version.row = RowID(rawValue: 1) },
            { $0.rows.append($0.rows[0]) },
            { $0.rows[0].tenant = TenantID(rawValue: 2) },
            { $0.tenants[0].id = TenantID(rawValue: 2) },
            { $0.tenants[0].revision = 0 },
            { $0.tenants[0].compactRevision = $0.tenants[0].revision + 1 },
            { $0.tenants[0].sequence = -1 },
            { $0.tenants[0].allocatedBytes = -1 },
            {
                let lease = LeaseRecord(id: .none, ttlSeconds: 1)
                $0.leases.append(.grant(TenantID(rawValue: 1), lease))
            },
            { $0.alarms.append(.raise(TenantID(rawValue: 2), Alarm(.noSpace, memberID: 0))) },
        ]
        for (number, fault) in faults.enumerated() {
            var attempt = history
            var batch = Self.put(&attempt)
            fault(&batch)
            self.expectRefused(backend, batch) { if case .corrupt = $0 { true } else { false } }
            try StoreImage(of: self.path).expect([history], "fault \(number)")
        }
        try backend.commit(Self.put(&history))
        #expect(try !backend.settle(isIdle: true))
        backend.close()
        try StoreImage(of: self.path).expect([history], "after closing")
    }
}
