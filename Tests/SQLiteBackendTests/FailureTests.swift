import BackendTestKit
import ByreCore
import ByreTestKit
import Glibc
import SQLiteBackend
import Testing

@Suite struct FailureTests {
    private let directory: TemporaryDirectory

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    /// Fills `backend` until it refuses, and checks that the refusal is one that left nothing.
    private static func fill(
        _ backend: SQLiteBackend,
        _ history: inout History
    ) -> CommitBatch? {
        for round in 0..<10_000 {
            var attempt = history
            for _ in 0..<5 {
                attempt.write(1, [("k\(round)", Bytes(repeating: 1, count: 3_000)), ("l", [2])])
            }
            let batch = attempt.take()
            do {
                try backend.commit(batch)
                history = attempt
                // As the committer does. What fails here, the next commit tells.
                _ = try? backend.settle(isIdle: round % 3 == 0)
            } catch BackendError.unavailable {
                return batch
            } catch {
                Issue.record("refused as \(error)")
                return nil
            }
        }
        Issue.record("never full")
        return nil
    }

    private static func limits(pagesMax: Int64) -> SQLiteLimits {
        var limits = SQLiteLimits()
        limits.pagesMax = pagesMax
        return limits
    }

    @Test func aFullStoreRefusesWholeBatchesAndGoesOnWhenThereIsRoom() throws {
        var history = History()
        let backend = try SQLiteBackend(
            directory: self.directory.path,
            limits: Self.limits(pagesMax: 200)
        )
        history.create(1, "default")
        try backend.commit(history.take())
        guard let refused = Self.fill(backend, &history) else { return }
        // Again and again, as callers that retry do.
        for _ in 0..<3 {
            #expect(throws: BackendError.self) { try backend.commit(refused) }
        }
        // Compaction needs no room, and makes some.
        let end = Int64(history.expected.rows.count)
        history.compact(1, to: 2, removing: Array(1..<end / 2))
        try backend.commit(history.take())
        history.write(1, [("after", [1])])
        try backend.commit(history.take())
        backend.close()

        let reopened = try SQLiteBackend(directory: self.directory.path)
        #expect(try reopened.recovered() == history.expected)
        reopened.close()
    }

    /// As a full disk: the operating system refuses to let the log grow.
    @Test func aLogThatCannotGrowRefusesWholeBatchesUntilItCan() async throws {
        let path = self.directory.path
        await #expect(processExitsWith: .success) { [path = path as String] in
            signal(SIGXFSZ, SIG_IGN)
            var history = History()
            let backend = try SQLiteBackend(directory: path)
            history.create(1, "default")
            try backend.commit(history.take())
            var size = rlimit(rlim_cur: 1 << 20, rlim_max: rlim_t.max)
            #expect(setrlimit(__rlimit_resource_t(1), &size) == 0)
            guard let refused = Self.fill(backend, &history) else { return }
            #expect(throws: BackendError.self) { try backend.commit(refused) }
            let reader = try backend.makeReader()
            let rows = history.expected.rows.map(\.version.row)
            var count = 0
            try reader.values(of: TenantID(rawValue: 1), rows: rows) { _, _ in count += 1 }
            #expect(count == rows.count)

            size.rlim_cur = rlim_t.max
            #expect(setrlimit(__rlimit_resource_t(1), &size) == 0)
            history.write(1, [("after", [1])])
            try backend.commit(history.take())
            backend.close()
            let reopened = try SQLiteBackend(directory: path)
            #expect(try reopened.recovered() == history.expected)
            reopened.close()
        }
        #expect(try SQLiteBackend.verify(path: path + "/byre.db") == [])
    }

    /// Each round goes on where the killed one before stopped.
    @Test func whatWasAcknowledgedSurvivesAKill() async throws {
        let path = self.directory.path
        var acknowledged: Int64 = 0
        for round in 1...8 {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = path as String, round = round as Int] in
                try Self.commitUntilKilled(path, after: round * 37)
            }
            let log = open(path + "/acknowledged", O_RDONLY)
            #expect(pread(log, &acknowledged, 8, 0) == 8)
            close(log)

            let backend = try SQLiteBackend(path: path + "/byre.db")
            let recovered = try backend.recovered()
            backend.close()
            #expect(try SQLiteBackend.verify(path: path + "/byre.db") == [])
            // At most the one commit that was under way when the kill came is there beyond.
            let revision = recovered.tenants.first?.record.revision ?? 0
            #expect(revision == acknowledged || revision == acknowledged + 3)
            #expect(Int64(recovered.rows.count) == (revision - 1) * 2)
        }
        #expect(acknowledged > 8 * 37)
    }

    /// Commits and writes down each commit's revision, while a thread waits to kill the process once
    /// there are `count`.
    private static func commitUntilKilled(_ path: String, after count: Int) throws {
        var limits = SQLiteLimits()
        limits.checkpointBytes = 64 << 10
        limits.checkpointTailBytes = 32 << 10
        limits.logBytesMax = 256 << 10
        let backend = try SQLiteBackend(path: path + "/byre.db", limits: limits)
        var history = History(try backend.recovered())
        if history.expected.tenants.isEmpty { history.create(1, "default") }
        let log = open(path + "/acknowledged", O_CREAT | O_RDWR, 0o600)
        var pipe: [CInt] = [0, 0]
        #expect(Glibc.pipe(&pipe) == 0)
        var thread = pthread_t()
        pthread_create(
            &thread,
            nil,
            { raw in
                var byte: UInt8 = 0
                read(CInt(Int(bitPattern: raw)), &byte, 1)
                kill(getpid(), SIGKILL)
                return nil
            },
            UnsafeMutableRawPointer(bitPattern: Int(pipe[0]))
        )
        var commits = 0
        while true {
            for _ in 0..<3 {
                history.write(1, [("k", Bytes(repeating: 1, count: 700)), ("l", [2])])
            }
            try backend.commit(history.take())
            if commits % 5 == 0 { _ = try backend.settle(isIdle: true) }
            var revision = history.expected.tenants[0].record.revision
            #expect(pwrite(log, &revision, 8, 0) == 8)
            commits += 1
            if commits == count { #expect(write(pipe[1], &revision, 1) == 1) }
        }
    }
}
