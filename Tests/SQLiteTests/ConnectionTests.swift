import ByreTestKit
import Glibc
import SQLite
import Testing

@Suite struct ConnectionTests {
    private let directory: TemporaryDirectory

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    /// A database with one table and a log.
    private func makeDatabase() throws -> Connection {
        let path = self.directory.path + "/test.db"
        let descriptor = open(path, O_CREAT | O_RDWR, 0o600)
        #expect(descriptor >= 0)
        Glibc.close(descriptor)
        let connection = try Connection(path: path, access: .readWrite)
        #expect(try connection.text("PRAGMA journal_mode = WAL") == "wal")
        try connection.execute("CREATE TABLE t (a INTEGER)")
        return connection
    }

    @Test func aFileThatIsNotThereIsNotMade() throws {
        let path = self.directory.path + "/missing.db"
        for access in [Connection.Access.readOnly, .readWrite] {
            let error = #expect(throws: SQLiteError.self) {
                _ = try Connection(path: path, access: access).integer("PRAGMA user_version")
            }
            #expect(error?.code.primary == .cannotOpen)
        }
        #expect(Glibc.access(path, F_OK) != 0)
    }

    @Test func aReaderCannotWrite() throws {
        _ = try self.makeDatabase()
        let reader = try Connection(path: self.directory.path + "/test.db", access: .readOnly)
        let error = #expect(throws: SQLiteError.self) {
            try reader.execute("INSERT INTO t VALUES (1)")
        }
        #expect(error?.code.primary == .readOnly)
    }

    @Test func framesAreCountedAtEachCommitAndMovedByACheckpoint() throws {
        let connection = try self.makeDatabase()
        let before = connection.walFrames
        #expect(before > 0)
        try connection.execute("INSERT INTO t VALUES (1)")
        #expect(connection.walFrames == before + 1)
        let moved = try connection.checkpoint(.passive)
        #expect(
            moved
                == Connection.Checkpoint(
                    logFrames: before + 1,
                    movedFrames: before + 1,
                    busy: false
                )
        )
        // Everything has been moved, so the log starts over.
        try connection.execute("INSERT INTO t VALUES (2)")
        #expect(connection.walFrames == 1)
    }

    @Test func aReaderKeepsTheLogFromBeingCut() throws {
        let connection = try self.makeDatabase()
        let reader = try Connection(path: self.directory.path + "/test.db", access: .readOnly)
        try reader.execute("BEGIN")
        #expect(try reader.integer("SELECT count(*) FROM t") == 0)
        try connection.execute("INSERT INTO t VALUES (1)")
        #expect(try connection.checkpoint(.truncate).busy)
        try reader.execute("COMMIT")
        let cut = try connection.checkpoint(.truncate)
        #expect(cut == Connection.Checkpoint(logFrames: 0, movedFrames: 0, busy: false))
    }

    @Test func transactionsAreKnown() throws {
        let connection = try self.makeDatabase()
        #expect(!connection.isInTransaction)
        try connection.execute("BEGIN")
        #expect(connection.isInTransaction)
        try connection.execute("INSERT INTO t VALUES (1), (2)")
        #expect(connection.changes == 2)
        try connection.execute("ROLLBACK")
        #expect(!connection.isInTransaction)
        #expect(try connection.integer("SELECT count(*) FROM t") == 0)
    }
}
