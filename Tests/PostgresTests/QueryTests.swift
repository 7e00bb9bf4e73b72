import Postgres
import Testing

@Suite struct QueryTests {
    private let connection: PostgresConnection

    init() throws {
        self.connection = try Database().connect()
    }

    @Test func valuesComeBackAsTheyWent() throws {
        let row = try #require(
            try self.connection.query(
                "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9",
                [
                    .int8(.min), .int4(-7), .bool(true), .text("füür 🔥"), .bytes([0, 1, 0, 255]),
                    .int8s([1, .max, -1]), .texts(["", "a b", "{\"}"]),
                    .byteArrays([[0], [], [7]]),
                    .int4s([.min, 0]),
                ]
            ).first
        )
        #expect(row.int64(0) == .min)
        #expect(row.int32(1) == -7)
        #expect(row.int64(1) == -7)
        #expect(row.bool(2))
        #expect(row.text(3) == "füür 🔥")
        #expect(row.bytes(4) == [0, 1, 0, 255])
        #expect(row.int64s(5) == [1, .max, -1])
        #expect(row.texts(6) == ["", "a b", "{\"}"])
        #expect(row.byteArrays(7) == [[0], [], [7]])
        #expect(row.int64s(8) == [Int64(Int32.min), 0])
        #expect((0..<9).allSatisfy { !row.isNull($0) })
    }

    @Test func emptyIsNotNull() throws {
        let row = try #require(
            try self.connection.query(
                "SELECT $1::bytea, $2::text, $3::bigint[], $4::bytea, $5::bigint",
                [.bytes([]), .text(""), .int8s([]), .null, .null]
            ).first
        )
        #expect(!row.isNull(0) && row.bytes(0) == [])
        #expect(!row.isNull(1) && row.text(1) == "")
        #expect(!row.isNull(2) && row.int64s(2) == [])
        #expect(row.isNull(3) && row.bytes(3) == [])
        #expect(row.isNull(4) && row.int64(4) == 0)
    }

    @Test func arraysInsertManyRowsAtOnce() throws {
        try self.connection.execute(makeTable)
        let count = 1000
        let result = try self.connection.query(
            "INSERT INTO t SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])",
            [
                .int8s((0..<count).map(Int64.init)), .texts((0..<count).map { "n\($0)" }),
                .byteArrays((0..<count).map { [UInt8](repeating: UInt8($0 & 0xFF), count: $0) }),
            ]
        )
        #expect(result.affectedRows == count)
        #expect(result.command == "INSERT 0 1000")
        let sum = try self.connection.integer("SELECT sum(length(body))::bigint FROM t")
        #expect(sum == Int64(count * (count - 1) / 2))
        let row = try self.connection.query(
            "SELECT body FROM t WHERE name = $1",
            [.text("n300")]
        ).first
        #expect(row?.bytes(0) == [UInt8](repeating: 44, count: 300))
    }

    @Test func megabytesPassInBothDirections() throws {
        let body = [UInt8](unsafeUninitializedCapacity: 32 << 20) { buffer, count in
            for index in 0..<(32 << 20) { buffer[index] = UInt8(truncatingIfNeeded: index &* 31) }
            count = 32 << 20
        }
        let row = try self.connection.query("SELECT $1 || '\\x00'::bytea", [.bytes(body)]).first
        #expect(row?.bytes(0) == body + [0])
    }

    @Test func aStatementIsPreparedOnce() throws {
        let statement: PostgresStatement = "SELECT $1::bigint + 1"
        for value in 0..<5 {
            let row = try self.connection.query(statement, [.int8(Int64(value))]).first
            #expect(row?.int64(0) == Int64(value + 1))
        }
        let prepared = try self.connection.query(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement = $1",
            [.text(statement.sql)]
        ).first
        #expect(prepared?.int64(0) == 1)
    }

    @Test func aStatementWhoseTableChangedIsPreparedAnew() throws {
        try self.connection.execute(makeTable)
        let statement: PostgresStatement = "SELECT * FROM t"
        #expect(try self.connection.query(statement).columnCount == 3)
        try self.connection.execute("ALTER TABLE t ADD COLUMN more int")
        let error = #expect(throws: PostgresError.self) {
            try self.connection.query(statement)
        }
        #expect(error?.sqlState == "0A000")
        #expect(try self.connection.query(statement).columnCount == 4)
    }

    @Test(arguments: [
        ("SELEC", "42601"), ("SELECT * FROM nowhere", "42P01"), ("SELECT 1/0", "22012"),
        ("SELECT 1; SELECT 2", "42601"),
    ])
    func whatTheServerRefusesLeavesTheConnectionGood(sql: String, sqlState: String) throws {
        let error = #expect(throws: PostgresError.self) {
            try self.connection.query(PostgresStatement(sql))
        }
        #expect(error?.kind == .server(sqlState: sqlState))
        #expect(self.connection.isAlive)
        #expect(try self.connection.integer("SELECT 5::bigint") == 5)
    }

    @Test func anErrorDoesNotTellTheRowItMet() throws {
        try self.connection.execute(makeTable)
        let insert: PostgresStatement = "INSERT INTO t VALUES ($1, $2, $3)"
        let values: [PostgresValue] = [.int8(424_242), .text("hidden"), .bytes([1])]
        try self.connection.query(insert, values)
        let error = #expect(throws: PostgresError.self) {
            try self.connection.query(insert, values)
        }
        #expect(error?.sqlState == "23505")
        #expect(error?.message.contains("424242") == false)
        #expect(error?.message.contains("hidden") == false)
    }

    @Test func severalStatementsOfAnExecutionAreOneTransaction() throws {
        try self.connection.execute(makeTable)
        let error = #expect(throws: PostgresError.self) {
            try self.connection.execute("INSERT INTO t VALUES (1); SELECT 1/0")
        }
        #expect(error?.sqlState == "22012")
        #expect(try self.connection.integer("SELECT count(*) FROM t") == 0)
        #expect(!self.connection.isInTransaction)
    }

    @Test func aCopyIsRefusedAndNotWaitedFor() throws {
        #expect(throws: PostgresError.self) {
            try self.connection.execute("COPY (SELECT 1) TO STDOUT")
        }
        #expect(!self.connection.isAlive)
    }

    // MARK: Streams

    @Test func aStreamHandsOverEveryRowInOrder() throws {
        for _ in 0..<2 {
            var next: Int64 = 0
            try self.connection.stream(
                "SELECT i FROM generate_series(0, $1::bigint - 1) AS i",
                [.int8(20_000)]
            ) { row in
                #expect(row.int64(0) == next)
                next += 1
                return true
            }
            #expect(next == 20_000)
        }
    }

    @Test func aStreamEndsWhenToldAndTheConnectionIsGoodAfterwards() throws {
        var seen = 0
        try self.connection.stream("SELECT repeat('x', 1000) FROM generate_series(1, 10000000)") {
            _ in
            seen += 1
            return seen < 3
        }
        #expect(seen == 3)
        #expect(try self.connection.integer("SELECT 1::bigint") == 1)
    }

    @Test func aStreamThrowsTheErrorThatComesAfterRows() throws {
        var seen = 0
        let error = #expect(throws: PostgresError.self) {
            try self.connection.stream("SELECT 1 / (3 - i) FROM generate_series(1, 9) AS i") { _ in
                seen += 1
                return true
            }
        }
        #expect(error?.sqlState == "22012")
        #expect(seen == 2)
        #expect(try self.connection.integer("SELECT 1::bigint") == 1)
    }
}
