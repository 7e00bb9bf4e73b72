import ByreTestKit
import Postgres
import Testing

/// Behind PgBouncer each transaction may meet another connection of the server.
@Suite(.enabled(if: Pooler.isInstalled, "pgbouncer is not installed"))
struct PoolerTests {
    private let database: Database
    private let pooler: Pooler

    init() throws {
        self.database = try Database()
        self.pooler = try Pooler(self.database.cluster)
    }

    private func connect() throws(PostgresError) -> PostgresConnection {
        var options = PostgresOptions()
        options.isPooled = true
        options.lockTimeoutMilliseconds = 321
        return try PostgresConnection(self.pooler.url(self.database.name), options: options)
    }

    private static let insert: PostgresStatement = "INSERT INTO t (id, body) VALUES ($1, $2)"

    @Test func twoThatShareOneConnectionOfTheServerDoNotMeet() throws {
        let (one, two) = (try self.connect(), try self.connect())
        try one.execute(makeTable)
        for id in stride(from: Int64(0), to: 40, by: 2) {
            for (connection, id) in [(one, id), (two, id + 1)] {
                let results = try connection.pipeline { pipeline in
                    pipeline.begin()
                    pipeline.add(Self.insert, [.int8(id), .bytes([0, UInt8(id)])])
                    pipeline.add("SELECT current_setting('lock_timeout')")
                    pipeline.commit()
                    pipeline.add(
                        "SELECT count(*), pg_backend_pid() FROM t WHERE id <= $1",
                        [.int8(id)]
                    )
                }
                #expect(results.count == 5)
                #expect(results[2].first?.text(0) == "321ms")
                #expect(results[4].first?.int64(0) == id + 1)
            }
        }
        #expect(
            try one.integer("SELECT pg_backend_pid()") == two.integer("SELECT pg_backend_pid()")
        )
        #expect(try two.text("SHOW lock_timeout") == "0")
    }

    @Test func aTransactionOfTwoRoundTripsStaysWhole() throws {
        let connection = try self.connect()
        try connection.execute(makeTable)
        try connection.pipeline { pipeline in
            pipeline.begin()
            pipeline.add("SELECT 1 FROM t FOR UPDATE")
        }
        #expect(connection.isInTransaction)
        try connection.pipeline { pipeline in
            pipeline.add(Self.insert, [.int8(1), .bytes([])])
            pipeline.commit()
        }
        #expect(try connection.integer("SELECT count(*) FROM t") == 1)
    }

    @Test func anErrorInAPipelineLeavesTheConnectionGood() throws {
        let connection = try self.connect()
        let error = #expect(throws: PostgresError.self) {
            try connection.pipeline { pipeline in
                pipeline.begin()
                pipeline.add("SELECT 1/0")
                pipeline.commit()
            }
        }
        #expect(error?.index == 1)
        try connection.execute("ROLLBACK")
        #expect(try connection.integer("SELECT 1::bigint") == 1)
    }

    @Test func aStreamPasses() throws {
        let connection = try self.connect()
        var sum: Int64 = 0
        try connection.stream("SELECT i FROM generate_series(1, $1::bigint) AS i", [.int8(1000)]) {
            sum += $0.int64(0)
            return true
        }
        #expect(sum == 500_500)
    }
}
