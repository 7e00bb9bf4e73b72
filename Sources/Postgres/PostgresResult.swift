import CPostgres

/// What a statement answered: a collection of rows, or how many rows it changed.
package final class PostgresResult {
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        PQclear(self.handle)
    }

    /// How many rows an INSERT, UPDATE, DELETE or SELECT touched.
    ///
    /// PostgreSQL: <https://www.postgresql.org/docs/15/libpq-exec.html#LIBPQ-PQCMDTUPLES>
    package var affectedRows: Int {
        PQcmdTuples(self.handle).flatMap { Int(String(cString: $0)) } ?? 0
    }

    /// What was done, in the server's words: `COMMIT`, `INSERT 0 1`.
    package var command: String { PQcmdStatus(self.handle).map { String(cString: $0) } ?? "" }

    package var columnCount: Int { Int(PQnfields(self.handle)) }

    /// The bytes of a field, valid as long as the result; nil for NULL.
    func field(row: Int, column: Int) -> UnsafeRawBufferPointer? {
        precondition(column >= 0 && column < self.columnCount, "the statement has no such column")
        let row = CInt(row)
        let column = CInt(column)
        guard PQgetisnull(self.handle, row, column) == 0 else { return nil }
        return UnsafeRawBufferPointer(
            start: PQgetvalue(self.handle, row, column),
            count: Int(PQgetlength(self.handle, row, column))
        )
    }

    // MARK: What libpq calls the status

    var status: ExecStatusType { PQresultStatus(self.handle) }

    /// A field of an error.
    ///
    /// PostgreSQL: <https://www.postgresql.org/docs/15/libpq-exec.html#LIBPQ-PQRESULTERRORFIELD>
    func errorField(_ field: CInt) -> String? {
        PQresultErrorField(self.handle, field).map { String(cString: $0) }
    }
}

extension PostgresResult: RandomAccessCollection {
    package var startIndex: Int { 0 }

    package var endIndex: Int { Int(PQntuples(self.handle)) }

    package subscript(row: Int) -> PostgresRow {
        precondition(row >= 0 && row < self.endIndex, "the result has no such row")
        return PostgresRow(result: self, row: row)
    }
}
