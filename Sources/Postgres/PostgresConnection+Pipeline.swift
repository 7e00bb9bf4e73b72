import CPostgres

extension PostgresConnection {
    /// Sends the statements that `body` adds, in one round trip.
    ///
    /// After an error of the server the rest is not executed, and a transaction that was begun
    /// waits for ROLLBACK.
    /// - Returns: one result for each statement.
    /// - Throws: the first error, with the index of its statement.
    @discardableResult
    package func pipeline(
        _ body: (inout Pipeline) -> Void
    ) throws(PostgresError) -> [PostgresResult] {
        var pipeline = Pipeline()
        body(&pipeline)
        guard pipeline.count > 0 else { return [] }
        let handle = try self.open()
        guard PQenterPipelineMode(handle) == 1 else { throw self.lost(nil) }
        let steps: [Step]
        do throws(PostgresError) {
            steps = try self.send(pipeline.entries)
        } catch {
            throw PostgresError(kind: error.kind, message: error.message, index: 0)
        }
        let results = try self.receive(steps, statements: pipeline.count)
        guard PQexitPipelineMode(handle) == 1 else { throw self.lost(nil) }
        return try results.get()
    }

    /// What one message to the server is for.
    private enum Step {
        /// Preparing a statement under a name, for the use by the entry of an index.
        case prepare(PostgresStatement, name: String, index: Int)
        /// Giving a transaction its timeouts.
        case settings(index: Int)
        case execute(PostgresStatement, index: Int)

        var index: Int {
            switch self {
            case .prepare(_, _, let index), .settings(let index), .execute(_, let index): index
            }
        }
    }

    /// Hands all statements to libpq, which sends what the socket takes.
    private func send(_ entries: [Pipeline.Entry]) throws(PostgresError) -> [Step] {
        let handle = try self.open()
        var steps: [Step] = []
        var names = self.prepared
        for (index, entry) in entries.enumerated() {
            let statement = entry.statement
            let parameters = ParameterList(entry.values)
            if self.options.isPooled {
                try self.sent(self.sendUnnamed(statement, parameters))
            } else {
                if names[statement] == nil {
                    let name = self.makeName()
                    try self.sent(
                        parameters.withPointers { count, types, _, _, _ in
                            PQsendPrepare(handle, name, statement.sql, count, types)
                        }
                    )
                    names[statement] = name
                    steps.append(.prepare(statement, name: name, index: index))
                }
                try self.sent(self.sendNamed(names[statement] ?? "", parameters))
            }
            steps.append(.execute(statement, index: index))
            if self.options.isPooled, statement == .begin {
                for setting in self.options.transactionSettings {
                    try self.sent(self.sendUnnamed(setting, ParameterList([])))
                    steps.append(.settings(index: index))
                }
            }
        }
        try self.sent(PQpipelineSync(handle))
        return steps
    }

    /// Takes the answers to all steps and to the synchronisation behind them.
    /// - Returns: the results, or the first error of the server.
    /// - Throws: when the connection is lost, with the index of the first statement without an
    ///   answer, or of the one that the server refused before.
    private func receive(
        _ steps: [Step],
        statements: Int
    ) throws(PostgresError) -> Result<[PostgresResult], PostgresError> {
        var results: [PostgresResult] = []
        results.reserveCapacity(statements)
        var refusal: PostgresError?
        do throws(PostgresError) {
            for step in steps {
                let warnings = self.warnings
                while let result = try self.nextResult() {
                    if let error = self.failure(of: result, in: step) {
                        if error.kind == .connection { throw self.fatal(error) }
                        refusal = refusal ?? error
                    } else if case .execute(.commit, _) = step, self.warnings != warnings {
                        // Somebody cancelled the wait for the synchronous standby: it is committed
                        // here, and may be lost when that standby is promoted.
                        throw self.lost("the server did not wait for its standby to commit")
                    } else if refusal == nil, case .execute = step {
                        results.append(result)
                    }
                }
            }
            guard let end = try self.nextResult(), end.status.outcome == .synchronised else {
                throw self.lost("the server's answers are out of step")
            }
        } catch {
            var error = error
            error.index = refusal?.index ?? results.count
            throw error
        }
        if let refusal { return .failure(refusal) }
        return .success(results)
    }

    /// Why `result` is not what `step` was sent for; nil when it is, or when it was skipped.
    private func failure(of result: PostgresResult, in step: Step) -> PostgresError? {
        switch result.status.outcome {
        case .success:
            switch step {
            case .prepare(let statement, let name, _): self.prepared[statement] = name
            case .execute(.commit, let index) where result.command != "COMMIT":
                return PostgresError(
                    kind: .server(sqlState: "25P02"),
                    message: "the transaction had failed and was rolled back",
                    index: index
                )
            case .execute, .settings: break
            }
            return nil
        case .skipped: return nil
        case .error:
            let error = result.error(at: step.index)
            self.forgetStatements(after: error)
            return error
        case .row, .synchronised, .unexpected:
            return PostgresError(
                kind: .connection,
                message: "the server's answers are out of step",
                index: step.index
            )
        }
    }
}
