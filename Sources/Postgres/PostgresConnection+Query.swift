import CPostgres

extension PostgresConnection {
    /// Runs the statements of `sql`, discarding any rows; together they are one transaction, unless
    /// they say otherwise.
    ///
    /// PostgreSQL: <https://www.postgresql.org/docs/15/libpq-async.html#LIBPQ-PQSENDQUERY>
    package func execute(_ sql: String) throws(PostgresError) {
        let handle = try self.open()
        try self.sent(PQsendQuery(handle, sql))
        try self.drain { _ in }
    }

    /// Runs a statement, in one round trip.
    @discardableResult
    package func query(
        _ statement: PostgresStatement,
        _ values: [PostgresValue] = []
    ) throws(PostgresError) -> PostgresResult {
        do throws(PostgresError) {
            let results = try self.pipeline { $0.add(statement, values) }
            guard let result = results.first else {
                throw self.lost("the server's answers are out of step")
            }
            return result
        } catch {
            var error = error
            error.index = nil
            throw error
        }
    }

    /// Runs a statement, in one round trip, and hands its rows to `row`.
    package func query(
        _ statement: PostgresStatement,
        _ values: [PostgresValue] = [],
        _ row: (PostgresRow) -> Void
    ) throws(PostgresError) {
        for each in try self.query(statement, values) { row(each) }
    }

    /// Runs a statement and hands its rows to `row` as they come, in bounded memory, until it
    /// returns false; then the statement is cancelled.
    ///
    /// PostgreSQL: <https://www.postgresql.org/docs/15/libpq-single-row-mode.html>
    package func stream(
        _ statement: PostgresStatement,
        _ values: [PostgresValue] = [],
        _ row: (PostgresRow) -> Bool
    ) throws(PostgresError) {
        let handle = try self.open()
        let parameters = ParameterList(values)
        if let name = self.prepared[statement] {
            try self.sent(self.sendNamed(name, parameters))
        } else {
            try self.sent(self.sendUnnamed(statement, parameters))
        }
        guard PQsetSingleRowMode(handle) == 1 else { throw self.lost(nil) }
        var isWanted = true
        do throws(PostgresError) {
            try self.drain { result in
                guard isWanted, result.status.outcome == .row else { return }
                for each in result where isWanted { isWanted = row(each) }
                if !isWanted { self.cancel() }
            }
        } catch {
            if !isWanted, error.isCancelled { return }
            throw error
        }
    }

    /// Takes all results of what was sent.
    /// - Throws: the first error, once there is nothing more to come.
    private func drain(_ body: (PostgresResult) -> Void) throws(PostgresError) {
        var refusal: PostgresError?
        while let result = try self.nextResult() {
            switch result.status.outcome {
            case .success, .row: body(result)
            case .error:
                let error = result.error(at: nil)
                if error.kind == .connection { throw self.fatal(error) }
                self.forgetStatements(after: error)
                refusal = refusal ?? error
            case .synchronised, .skipped, .unexpected:
                throw self.lost("the server's answers are out of step")
            }
        }
        if let refusal { throw refusal }
    }

    // MARK: Statements

    func sendUnnamed(_ statement: PostgresStatement, _ parameters: ParameterList) -> CInt {
        parameters.withPointers { count, types, values, lengths, formats in
            PQsendQueryParams(
                self.handle,
                statement.sql,
                count,
                types,
                values,
                lengths,
                formats,
                1
            )
        }
    }

    func sendNamed(_ name: String, _ parameters: ParameterList) -> CInt {
        parameters.withPointers { count, _, values, lengths, formats in
            PQsendQueryPrepared(self.handle, name, count, values, lengths, formats, 1)
        }
    }

    func makeName() -> String {
        self.namesGiven += 1
        return "s\(self.namesGiven)"
    }

    /// A statement whose tables were changed (0A000) or that the server does not know (26000) is
    /// prepared anew when it is next used.
    func forgetStatements(after error: PostgresError) {
        if error.sqlState == "0A000" || error.sqlState == "26000" { self.prepared = [:] }
    }

    /// Closes the connection that the server has ended with `error`.
    func fatal(_ error: PostgresError) -> PostgresError {
        self.close()
        return error
    }
}
