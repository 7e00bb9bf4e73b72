import Postgres
import Testing

@Suite struct PipelineTests {
    private let database: Database
    private let connection: PostgresConnection

    init() throws {
        self.database = try Database()
        self.connection = try self.database.connect()
        try self.connection.execute(makeTable)
    }

    private static let insert: PostgresStatement = "INSERT INTO t (id) VALUES ($1)"

    @Test func resultsComeInTheOrderOfTheStatements() throws {
        let results = try self.connection.pipeline { pipeline in
            pipeline.begin()
            for id in 0..<100 { pipeline.add(Self.insert, [.int8(Int64(id))]) }
            pipeline.add("SELECT id FROM t ORDER BY id")
            pipeline.commit()
        }
        #expect(results.count == 103)
        #expect(results[101].map { $0.int64(0) } == (0..<100).map(Int64.init))
        #expect(results.last?.command == "COMMIT")
        #expect(!self.connection.isInTransaction)
    }

    @Test func anEmptyPipelineAsksNothing() throws {
        #expect(try self.connection.pipeline { _ in }.isEmpty)
    }

    @Test func twoRoundTripsMakeATransaction() throws {
        try self.connection.pipeline { pipeline in
            pipeline.begin()
            pipeline.add("SELECT 1 FROM t FOR UPDATE")
        }
        #expect(self.connection.isInTransaction)
        try self.connection.pipeline { pipeline in
            pipeline.add(Self.insert, [.int8(1)])
            pipeline.commit()
        }
        #expect(!self.connection.isInTransaction)
        #expect(try self.connection.integer("SELECT count(*) FROM t") == 1)
    }

    @Test func theFirstErrorEndsItAndSaysWhere() throws {
        let error = #expect(throws: PostgresError.self) {
            try self.connection.pipeline { pipeline in
                pipeline.begin()
                pipeline.add(Self.insert, [.int8(1)])
                pipeline.add(Self.insert, [.int8(1)])
                pipeline.add(Self.insert, [.int8(2)])
                pipeline.add("SELECT 1/0")
                pipeline.commit()
            }
        }
        #expect(error?.sqlState == "23505")
        #expect(error?.index == 2)
        #expect(self.connection.isInTransaction)
        let late = #expect(throws: PostgresError.self) {
            try self.connection.pipeline { $0.commit() }
        }
        #expect(late?.sqlState == "25P02")
        #expect(!self.connection.isInTransaction)
        #expect(try self.connection.integer("SELECT count(*) FROM t") == 0)
    }

    @Test func withoutBeginAPipelineIsOneTransaction() throws {
        #expect(throws: PostgresError.self) {
            try self.connection.pipeline { pipeline in
                pipeline.add(Self.insert, [.int8(1)])
                pipeline.add("SELECT 1/0")
            }
        }
        #expect(try self.connection.integer("SELECT count(*) FROM t") == 0)
    }

    @Test func whatFailsBehindACommitDoesNotUndoIt() throws {
        let error = #expect(throws: PostgresError.self) {
            try self.connection.pipeline { pipeline in
                pipeline.begin()
                pipeline.add(Self.insert, [.int8(1)])
                pipeline.commit()
                pipeline.add("SELECT 1/0")
            }
        }
        #expect(error?.index == 3)
        #expect(try self.connection.integer("SELECT count(*) FROM t") == 1)
    }

    @Test func aStatementThatCannotBePreparedHasTheIndexOfItsUse() throws {
        for _ in 0..<2 {
            let error = #expect(throws: PostgresError.self) {
                try self.connection.pipeline { pipeline in
                    pipeline.add("SELECT 1")
                    pipeline.add("SELECT * FROM nowhere")
                    pipeline.add("SELECT 2")
                }
            }
            #expect(error?.sqlState == "42P01")
            #expect(error?.index == 1)
        }
        #expect(try self.connection.integer("SELECT 2::bigint") == 2)
    }

    @Test func aPipelineLargerThanEverySocketBufferDoesNotBlockBothSides() throws {
        let body = [UInt8](repeating: 7, count: 1 << 20)
        let results = try self.connection.pipeline { pipeline in
            for _ in 0..<48 { pipeline.add("SELECT $1", [.bytes(body)]) }
        }
        #expect(results.count == 48)
        #expect(results.allSatisfy { $0.first?.bytes(0) == body })
    }
}
