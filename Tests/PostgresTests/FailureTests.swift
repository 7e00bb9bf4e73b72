import ByreTestKit
import Dispatch
import Glibc
import Postgres
import Testing

@Suite struct FailureTests {
    private let database: Database
    private let other: PostgresConnection

    init() throws {
        self.database = try Database()
        self.other = try self.database.connect()
        try self.other.execute(makeTable)
    }

    @Test func aStatementThatTakesTooLongIsEnded() throws {
        let connection = try self.database.connect { $0.statementTimeoutMilliseconds = 50 }
        let error = #expect(throws: PostgresError.self) {
            try connection.query("SELECT pg_sleep(60)")
        }
        #expect(error?.isCancelled == true)
        #expect(connection.isAlive)
    }

    @Test func aLockIsNotWaitedForWithoutEnd() throws {
        try self.other.execute("BEGIN; LOCK TABLE t")
        let connection = try self.database.connect { $0.lockTimeoutMilliseconds = 50 }
        let error = #expect(throws: PostgresError.self) {
            try connection.query("INSERT INTO t VALUES (1)")
        }
        #expect(error?.isLockTimeout == true)
        #expect(connection.isAlive)
    }

    @Test func aClientThatStandsStillLetsGoOfItsLocks() throws {
        let connection = try self.database.connect { $0.idleInTransactionTimeoutMilliseconds = 50 }
        try connection.execute("BEGIN; LOCK TABLE t")
        // Waits for the lock, which the server takes from the connection that says nothing.
        try self.other.query("INSERT INTO t VALUES (1)")
        let error = #expect(throws: PostgresError.self) { try connection.execute("COMMIT") }
        #expect(error?.kind == .connection)
        #expect(!connection.isAlive)
    }

    @Test func whatMayBeTriedAgainIsToldApart() throws {
        try self.other.execute("INSERT INTO t VALUES (1)")
        let connection = try self.database.connect()
        try connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        #expect(try connection.integer("SELECT count(*) FROM t") == 1)
        try self.other.execute("UPDATE t SET name = 'other'")
        let error = #expect(throws: PostgresError.self) {
            try connection.query("UPDATE t SET name = 'mine'")
        }
        #expect(error?.isSerialization == true)
        #expect(connection.isInTransaction)
        try connection.execute("ROLLBACK")
        #expect(!connection.isInTransaction)
    }

    @Test func aServerThatTakesNoWritesIsToldApart() throws {
        let connection = try self.database.connect()
        try connection.execute("BEGIN READ ONLY")
        let error = #expect(throws: PostgresError.self) {
            try connection.query("INSERT INTO t VALUES (1)")
        }
        #expect(error?.isReadOnly == true)
    }

    // MARK: The connection is lost

    private static let end: PostgresStatement = "SELECT pg_terminate_backend(pg_backend_pid())"

    @Test func aConnectionEndedInTheMiddleOfAQuerySaysWhy() throws {
        let connection = try self.database.connect()
        let error = #expect(throws: PostgresError.self) { try connection.query(Self.end) }
        #expect(error?.kind == .connection)
        #expect(error?.message.contains("terminating connection") == true)
        #expect(!connection.isAlive)
        let after = #expect(throws: PostgresError.self) { try connection.execute("SELECT 1") }
        #expect(after?.kind == .connection)
    }

    @Test func aConnectionEndedInTheMiddleOfAStreamIsAnError() throws {
        let connection = try self.database.connect()
        var seen = 0
        let error = #expect(throws: PostgresError.self) {
            try connection.stream(
                """
                SELECT CASE i WHEN 5000 THEN pg_terminate_backend(pg_backend_pid())::int ELSE i END
                FROM generate_series(1, 10000) AS i
                """
            ) { _ in
                seen += 1
                return true
            }
        }
        #expect(error?.kind == .connection)
        #expect(seen < 10_000)
    }

    @Test func anErrorBehindACommitShowsThatItWasDone() throws {
        let connection = try self.database.connect()
        let error = #expect(throws: PostgresError.self) {
            try connection.pipeline { pipeline in
                pipeline.begin()
                pipeline.add("INSERT INTO t VALUES (1)")
                pipeline.commit()
                pipeline.add(Self.end)
                pipeline.add("SELECT 1")
            }
        }
        #expect(error?.kind == .connection)
        #expect(error?.index == 3)
        #expect(try self.other.integer("SELECT count(*) FROM t") == 1)
    }

    @Test func anErrorBeforeACommitShowsThatItsOutcomeIsOpen() throws {
        let connection = try self.database.connect()
        let error = #expect(throws: PostgresError.self) {
            try connection.pipeline { pipeline in
                pipeline.begin()
                pipeline.add("INSERT INTO t VALUES (1)")
                pipeline.add(Self.end)
                pipeline.commit()
            }
        }
        #expect(error?.kind == .connection)
        #expect(error?.index == 2)
    }

    @Test func aCommitThatDidNotWaitForTheStandbyIsAnOpenOutcome() throws {
        let cluster = try PostgresCluster()
        let connection = try PostgresConnection(cluster.url())
        try connection.execute(makeTable)
        try cluster.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        try cluster.run("SELECT pg_reload_conf()")
        let (process, url) = (connection.serverProcess, cluster.url())
        let cancelled = Signal()
        DispatchQueue.global().async {
            let waits: PostgresStatement = """
                SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                WHERE pid = $1 AND wait_event = 'SyncRep'
                """
            if let other = try? PostgresConnection(url) {
                while let rows = try? other.query(waits, [.int4(process)]), rows.isEmpty {}
            }
            cancelled.send()
        }
        let error = #expect(throws: PostgresError.self) {
            try connection.pipeline { pipeline in
                pipeline.begin()
                pipeline.add("INSERT INTO t VALUES (1)")
                pipeline.commit()
            }
        }
        #expect(error?.kind == .connection)
        #expect(error?.index == 2)
        #expect(!connection.isAlive)
        try cancelled.wait(for: "the other thread")
        let other = try PostgresConnection(url)
        #expect(try other.integer("SELECT count(*) FROM t") == 1)
    }

    @Test func aServerThatSaysNothingIsGivenUp() throws {
        let connection = try self.database.connect { $0.answerTimeoutMilliseconds = 100 }
        let process = connection.serverProcess
        #expect(kill(process, SIGSTOP) == 0)
        defer { kill(process, SIGCONT) }
        let error = #expect(throws: PostgresError.self) { try connection.query("SELECT 1") }
        #expect(error?.kind == .timeout)
        #expect(!connection.isAlive)
    }

    @Test func aServerThatIsNotThereIsAnErrorOfTheConnection() throws {
        let port = try PostgresCluster.freePort()
        let error = #expect(throws: PostgresError.self) {
            _ = try PostgresConnection("postgresql://u:hidden@127.0.0.1:\(port)/d")
        }
        #expect(error?.kind == .connection)
        #expect(error?.message.contains("hidden") == false)
    }

    @Test func aServerThatCrashedIsReachedAgainOnceItRuns() throws {
        let cluster = try PostgresCluster()
        let connection = try PostgresConnection(cluster.url())
        try cluster.stop("immediate")
        let error = #expect(throws: PostgresError.self) { try connection.query("SELECT 1") }
        #expect(error?.kind == .connection)
        #expect(throws: PostgresError.self) { _ = try PostgresConnection(cluster.url()) }
        try cluster.start()
        let next = try PostgresConnection(cluster.url())
        #expect(try next.integer("SELECT 1::bigint") == 1)
    }

    // MARK: Cancelling

    @Test func anotherThreadCancelsAStatement() throws {
        let connection = try self.database.connect { options in
            options.statementTimeoutMilliseconds = 0
            options.answerTimeoutMilliseconds = 0
        }
        let (canceller, process) = (connection.canceller, connection.serverProcess)
        let url = self.database.url
        let cancelled = Signal()
        DispatchQueue.global().async {
            let asleep: PostgresStatement =
                "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'"
            if let watcher = try? PostgresConnection(url) {
                while let rows = try? watcher.query(asleep, [.int4(process)]), rows.isEmpty {}
            }
            canceller.cancel()
            cancelled.send()
        }
        let error = #expect(throws: PostgresError.self) {
            try connection.query("SELECT pg_sleep(600)")
        }
        #expect(error?.isCancelled == true)
        try cancelled.wait(for: "the other thread")
        #expect(try connection.integer("SELECT 1::bigint") == 1)
    }
}
