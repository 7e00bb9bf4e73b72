import CPostgres

extension PostgresResult {
    /// Whether the server ended the connection with this error.
    var isFatal: Bool {
        let severity = self.errorField(byre_diag_severity)
        return severity == "FATAL" || severity == "PANIC"
    }

    /// The error that this result is, in words without values.
    func error(at index: Int?) -> PostgresError {
        let message = self.errorField(byre_diag_message) ?? "the statement failed"
        // An error without a code is libpq's own: the connection is lost.
        guard let sqlState = self.errorField(byre_diag_sqlstate), !self.isFatal else {
            return PostgresError(kind: .connection, message: message, index: index)
        }
        return PostgresError(kind: .server(sqlState: sqlState), message: message, index: index)
    }
}

extension ExecStatusType {
    /// C's enumerations come without an exhaustive `switch`; this is what the callers tell apart.
    enum Outcome {
        case success
        /// One of the rows of a statement in single-row mode.
        case row
        case synchronised
        /// A statement behind one that failed.
        case skipped
        case error
        /// A copy, which nobody asked for.
        case unexpected
    }

    var outcome: Outcome {
        switch self {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: .success
        case PGRES_SINGLE_TUPLE: .row
        case PGRES_PIPELINE_SYNC: .synchronised
        case PGRES_PIPELINE_ABORTED: .skipped
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE, PGRES_NONFATAL_ERROR: .error
        default: .unexpected
        }
    }
}
