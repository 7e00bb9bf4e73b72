import SQLite
import Testing

@Suite struct StatementTests {
    private let connection: Connection

    init() throws {
        self.connection = try Connection(path: ":memory:", access: .readWrite)
        try self.connection.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a BLOB NOT NULL, b BLOB NOT NULL) STRICT"
        )
    }

    /// Runs an insertion with blobs as its second and third parameters.
    private static func run(
        _ insert: borrowing Statement,
        lending a: [UInt8],
        _ b: [UInt8]
    ) throws(SQLiteError) {
        try insert.withBound(a, at: 2) { () throws(SQLiteError) in
            try insert.withBound(b, at: 3) { () throws(SQLiteError) in try insert.run() }
        }
    }

    @Test(arguments: [[], [0], [1, 2, 3], [UInt8](repeating: 7, count: 100_000)] as [[UInt8]])
    func blobsComeBackAsTheyWereBorrowed(_ blob: [UInt8]) throws {
        let insert = try Statement("INSERT INTO t VALUES (?1, ?2, ?3)", on: self.connection)
        for id in 1...2 {
            try insert.bind(Int64(id), at: 1)
            try Self.run(insert, lending: blob, blob.reversed())
        }
        let select = try Statement("SELECT a, b, typeof(a) FROM t", on: self.connection)
        for _ in 1...2 {
            #expect(try select.step())
            #expect(select.blob(0) == blob)
            #expect(select.blob(1) == blob.reversed())
            #expect(select.text(2) == "blob")
            #expect(select.withBlob(0) { $0.byteCount } == blob.count)
        }
        #expect(try !select.step())
    }

    @Test(arguments: ["", "a", "grün \u{1F404}"])
    func textComesBack(_ text: String) throws {
        let echo = try Statement("SELECT ?1, typeof(?1)", on: self.connection)
        try echo.bind(text, at: 1)
        #expect(try echo.step())
        #expect(echo.text(0) == text)
        #expect(echo.text(1) == "text")
    }

    @Test(arguments: [Int64.min, -1, 0, 1, Int64.max])
    func integersComeBack(_ integer: Int64) throws {
        let echo = try Statement("SELECT ?1", on: self.connection)
        try echo.bind(integer, at: 1)
        #expect(try echo.step())
        #expect(echo.integer(0) == integer)
    }

    @Test func aFailureHasTheExtendedCodeAndTheStatementRunsAgain() throws {
        let insert = try Statement("INSERT INTO t VALUES (?1, ?2, ?3)", on: self.connection)
        try insert.bind(1, at: 1)
        try Self.run(insert, lending: [1], [2])
        let error = #expect(throws: SQLiteError.self) {
            try Self.run(insert, lending: [1], [2])
        }
        #expect(error?.code.primary == .constraint)
        #expect(error?.code.rawValue == 1555)
        #expect(error?.message == "UNIQUE constraint failed: t.id")
        try insert.bind(2, at: 1)
        try Self.run(insert, lending: [1], [2])
        #expect(try self.connection.integer("SELECT count(*) FROM t") == 2)
    }

    @Test(arguments: ["", "-- nothing", "SELEC 1", "SELECT missing"])
    func whatIsNotAStatementIsRefused(_ sql: String) throws {
        #expect(throws: SQLiteError.self) { try Statement(sql, on: self.connection).run() }
    }

    @Test func parametersThatAreNotThereAreRefused() throws {
        let echo = try Statement("SELECT ?1", on: self.connection)
        #expect(throws: SQLiteError.self) { try echo.bind(1, at: 2) }
        #expect(throws: SQLiteError.self) { try echo.bind("x", at: 0) }
        #expect(throws: SQLiteError.self) { try echo.bind([1] as [UInt8], at: 2) }
    }
}
