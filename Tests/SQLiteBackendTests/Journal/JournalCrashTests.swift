import BackendTestKit
import ByreCore
import ByreTestKit
import Glibc
import SQLiteBackend
import Synchronization
import Testing

/// *Durable*: whatever moment a crash comes at, what was acknowledged is there afterwards, and nothing
/// else is but perhaps the one batch that was under way.
@Suite struct JournalCrashTests {
    private let directory: TemporaryDirectory

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    /// A commit that is about to begin, or has returned.
    private struct Moment {
        let round: Int
        let acknowledged: History
        let attempted: History
        /// Whether it returned and was not the journal's.
        var wasDirect = false
    }

    /// Commits `rounds` batches of every kind and size, and calls `body` before and after each.
    private func run(
        _ backend: SQLiteBackend,
        rounds: Int,
        seed: UInt64,
        settles: Bool = true,
        _ body: (Moment) throws -> Void
    ) throws -> History {
        var random = SeededGenerator(seed: seed)
        _ = try backend.recovered()
        var history = History()
        history.create(1, "default")
        try backend.commit(history.take())
        for round in 0..<rounds {
            var attempt = history
            switch Int.random(in: 0..<24, using: &random) {
            case 0: attempt.grant(1, lease: Int64(round + 1), ttlSeconds: 60)
            case 1: Self.compact(&attempt)
            case 2: attempt.create(Int64(round + 10), "tenant-\(round)")
            case 3: attempt.write(1, [("large", Bytes(repeating: 7, count: 30_000))])
            default:
                let count = Int.random(in: 0...1_500, using: &random)
                let value = Bytes(repeating: UInt8(round % 256), count: count)
                attempt.write(1, [("k", value), ("l\(round % 5)", [1])])
            }
            let batch = attempt.take()
            let isDirect =
                !batch.registry.isEmpty
                || BatchEncoding.bytes(of: batch) > SQLiteLimits.small.directBytes
            try body(Moment(round: round, acknowledged: history, attempted: attempt))
            try backend.commit(batch)
            history = attempt
            try body(
                Moment(
                    round: round,
                    acknowledged: history,
                    attempted: history,
                    wasDirect: isDirect
                )
            )
            if settles {
                _ = try backend.settle(isIdle: Int.random(in: 0..<4, using: &random) == 0)
            }
        }
        return history
    }

    /// Compacts all but the last revisions, and removes what nobody can reach any more.
    private static func compact(_ history: inout History) {
        guard let record = history.expected.tenants.first?.record else { return }
        let revision = record.revision - 2
        guard revision > max(1, record.compactRevision) else { return }
        var newest: [Bytes: RowID] = [:]
        let old = history.expected.rows.filter { $0.version.modRevision <= revision }
        for row in old { newest[row.key] = row.version.row }
        let rows = old.filter { newest[$0.key] != $0.version.row }.map(\.version.row.rawValue)
        history.compact(1, to: revision, removing: rows)
    }

    @Test(arguments: [1, 2, 3] as [UInt64], [true, false])
    func everyMomentBetweenCallsRecovers(seed: UInt64, settles: Bool) throws {
        let path = self.directory.path
        let backend = try SQLiteBackend(directory: path, limits: .small)
        let history = try self.run(backend, rounds: 120, seed: seed, settles: settles) {
            moment in
            guard moment.round % 5 == 0 else { return }
            try StoreImage(of: path).expect([moment.acknowledged], "round \(moment.round)")
        }
        try StoreImage(of: path).expect([history], "the end")
        backend.close()
        #expect(names(in: path) == ["byre.db"])
        try StoreImage(of: path).expect([history], "after closing")
    }

    /// Before and after every write and sync of the journal, the kernel's copy recovers: as kill -9.
    @Test(arguments: [1, 2] as [UInt64])
    func everyFileOperationRecovers(seed: UInt64) throws {
        let path = self.directory.path
        let under = Mutex<Moment?>(nil)
        let operations = Mutex(0)
        let check: @Sendable (String) -> Void = { what in
            guard let moment = under.withLock({ $0 }) else { return }
            let count = operations.withLock { count in
                count += 1
                return count
            }
            #expect(throws: Never.self) {
                try StoreImage(of: path).expect(
                    [moment.acknowledged, moment.attempted],
                    "\(what), operation \(count)"
                )
            }
        }
        var layer = FileLayer.system
        layer.write = { file, bytes, offset throws(FileError) in
            check("before write \(file.path)")
            try FileLayer.system.write(file, bytes, offset)
            check("after write \(file.path)")
        }
        layer.sync = { file throws(FileError) in
            try FileLayer.system.sync(file)
            check("after sync \(file.path)")
        }
        let backend = try SQLiteBackend(directory: path, limits: .small, files: layer)
        _ = try self.run(backend, rounds: 25, seed: seed) { moment in
            under.withLock { $0 = moment }
        }
        under.withLock { $0 = nil }
        backend.close()
        #expect(operations.withLock { $0 } > 40)
    }

    /// Loses all that was not synced: the journal is as at its last sync, and SQLite's files are as
    /// they were before their last sync, though more was written since.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func powerLossLosesNothing(seed: UInt64) throws {
        let path = self.directory.path
        let disk = Mutex(Disk(StoreImage(of: path)))
        let logSyncs = Mutex(0)
        // Held while the writer works, so that a sync beside it sees files at rest.
        let work = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        pthread_mutex_init(work, nil)
        defer { work.deallocate() }
        let gate = Gate(mutex: work, writer: pthread_self())
        var layer = FileLayer.system
        layer.sync = { file throws(FileError) in
            gate.enter()
            let before = disk.withLock { $0.look(at: path) }
            gate.leave()
            try FileLayer.system.sync(file)
            disk.withLock { disk in
                let isLog = file.path.hasSuffix("-wal")
                disk.take(before) { name in
                    isLog != name.contains(".journal.") && (isLog || file.path.hasSuffix(name))
                }
            }
            if file.path.hasSuffix("-wal") { logSyncs.withLock { $0 += 1 } }
        }
        let backend = try SQLiteBackend(directory: path, limits: .small, files: layer)
        pthread_mutex_lock(work)
        var hasBegun = false
        func keepSQLite() {
            disk.withLock { disk in
                disk.take(disk.look(at: path)) { ["byre.db", "byre.db-wal"].contains($0) }
            }
        }
        _ = try self.run(backend, rounds: 150, seed: seed) { moment in
            // What is written directly, SQLite itself has synced, and all before it. The first
            // batch is such a one.
            if moment.wasDirect || !hasBegun { keepSQLite() }
            hasBegun = true
            if moment.round % 6 == 0 {
                try disk.withLock { $0.image }.expect(
                    [moment.acknowledged, moment.attempted],
                    "round \(moment.round)"
                )
            }
            pthread_mutex_unlock(work)
            sched_yield()
            pthread_mutex_lock(work)
        }
        pthread_mutex_unlock(work)
        backend.close()
        // How many there were meanwhile is for the threads to settle; the close makes one.
        #expect(logSyncs.withLock { $0 } > 0)
    }

    /// What survives a loss of power: of each file what it held when its last sync began.
    private struct Disk {
        struct Look {
            fileprivate let number: Int
            fileprivate let image: StoreImage
        }

        private(set) var image: StoreImage
        private var looks = 0
        /// The look that a file's bytes are of.
        private var numbers: [String: Int] = [:]

        init(_ image: StoreImage) {
            self.image = image
        }

        /// Looks at the files as they are before a sync.
        mutating func look(at path: String) -> Look {
            self.looks += 1
            return Look(number: self.looks, image: StoreImage(of: path))
        }

        /// Keeps what was seen of some files, but for those that have been synced as they were later: of
        /// two syncs beside each other, the one that began first may end last.
        mutating func take(_ look: Look, where isSynced: (String) -> Bool) {
            for (name, bytes) in look.image.files
            where isSynced(name) && look.number > self.numbers[name] ?? 0 {
                self.image.files[name] = bytes
                self.numbers[name] = look.number
            }
        }
    }

    /// Lets the thread that writes pass, and others while it is at rest.
    private struct Gate: @unchecked Sendable {
        // @unchecked: a mutex is for many threads, and the other is not changed.
        let mutex: UnsafeMutablePointer<pthread_mutex_t>
        let writer: pthread_t

        func enter() {
            if pthread_equal(pthread_self(), self.writer) == 0 { pthread_mutex_lock(self.mutex) }
        }

        func leave() {
            if pthread_equal(pthread_self(), self.writer) == 0 { pthread_mutex_unlock(self.mutex) }
        }
    }
}
