import BackendTestKit
import ByreCore
import ByreTestKit
import SQLite
import SQLiteBackend
import Testing

@Suite struct RecoveryTests {
    private let directory: TemporaryDirectory
    private var path: String { self.directory.path + "/byre.db" }

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func make(_ fill: (inout History) -> Void) throws -> History {
        var history = History()
        let backend = try SQLiteBackend(path: self.path)
        history.create(1, "default")
        history.create(2, "other")
        fill(&history)
        try backend.commit(history.take())
        backend.close()
        return history
    }

    @Test func rowsAboveTheCommitPointDoNotExistAndAreRemoved() throws {
        let history = try self.make { history in
            history.write(1, [("a", [1])])
            history.write(2, [("a", [1])])
        }
        do {
            let connection = try Connection(path: self.path, access: .readWrite)
            try connection.execute(
                """
                INSERT INTO kv VALUES (3, 1, 3, 0, 3, 1, 0, x'62', x'01');
                INSERT INTO kv VALUES (4, 2, 2, 1, 2, 1, 0, x'62', x'01');
                INSERT INTO kv VALUES (5, 1, 4, 0, 3, 2, 0, x'62', x'01');
                """
            )
        }
        for _ in 1...2 {
            let backend = try SQLiteBackend(path: self.path)
            let rows = try backend.recovered().rows
            #expect(rows.prefix(2) == history.expected.rows[...])
            #expect(rows.dropFirst(2).map(\.version.row.rawValue) == [4])
            backend.close()
        }
        let connection = try Connection(path: self.path, access: .readOnly)
        #expect(try connection.text("SELECT group_concat(row) FROM kv") == "1,2,4")
    }

    @Test func aRowOfNoTenantIsCorruption() throws {
        _ = try self.make { history in history.write(1, [("a", [1])]) }
        do {
            let connection = try Connection(path: self.path, access: .readWrite)
            try connection.execute("INSERT INTO kv VALUES (2, 9, 2, 0, 2, 1, 0, x'62', x'01')")
        }
        let backend = try SQLiteBackend(path: self.path)
        let error = #expect(throws: BackendError.self) { _ = try backend.recovered() }
        guard case .corrupt(let what) = error else {
            Issue.record("not corruption, but \(String(describing: error))")
            return
        }
        #expect(what.contains("row 2") && what.contains("tenant 9"))
        backend.close()
    }

    /// A process that was killed leaves its log; the next one reads through it.
    @Test func recoveryReadsTheLogThatWasLeft() throws {
        var history = History()
        var limits = SQLiteLimits()
        limits.checkpointBytes = 1 << 30
        let backend = try SQLiteBackend(path: self.path, limits: limits)
        history.create(1, "default")
        for round in 0..<100 {
            history.write(1, [("k\(round)", [UInt8](repeating: 1, count: round * 100))])
            try backend.commit(history.take())
        }
        #expect(try !backend.settle(isIdle: true))
        // A reader beside it sees what is in the log alone.
        let connection = try Connection(path: self.path, access: .readOnly)
        #expect(try connection.integer("SELECT count(*) FROM kv") == 100)
        #expect(try SQLiteBackend.verify(path: self.path) == [])
        backend.close()
        let reopened = try SQLiteBackend(path: self.path)
        #expect(try reopened.recovered() == history.expected)
        reopened.close()
    }
}
