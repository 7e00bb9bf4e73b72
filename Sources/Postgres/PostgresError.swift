/// What PostgreSQL, or the way to it, refused.
///
/// Of what the server says only the code and the primary message are kept: its detail and context
/// quote rows. A message never holds a password or a parameter.
package struct PostgresError: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// There is no connection, or it was lost; it is closed. If a COMMIT was under way, its
        /// outcome is not known.
        case connection
        /// The server refused a statement, with this SQLSTATE; the connection is good.
        ///
        /// PostgreSQL: <https://www.postgresql.org/docs/15/errcodes-appendix.html>
        case server(sqlState: String)
        /// The server said nothing for too long; the connection is closed, and a COMMIT that was
        /// under way may have happened or may yet happen.
        case timeout
    }

    package var kind: Kind
    /// One line, for a log.
    package var message: String
    /// Which statement of a pipeline failed, from 0. Every one before it succeeded; a COMMIT among
    /// them is done.
    package var index: Int?

    package init(kind: Kind, message: String, index: Int? = nil) {
        self.kind = kind
        self.message = message
        self.index = index
    }

    /// The server's code, when it was the server that refused.
    package var sqlState: String? {
        guard case .server(let sqlState) = self.kind else { return nil }
        return sqlState
    }

    /// Whether the same transaction may succeed when tried again: it met another one.
    package var isSerialization: Bool { self.sqlState == "40001" || self.sqlState == "40P01" }

    /// Whether somebody held a lock for longer than the connection waits.
    package var isLockTimeout: Bool { self.sqlState == "55P03" }

    /// Whether the statement took too long, or was cancelled.
    package var isCancelled: Bool { self.sqlState == "57014" }

    /// Whether the server is a standby, or has become one.
    package var isReadOnly: Bool { self.sqlState == "25006" }

    /// Whether the server lacks room or memory: classes 53 and 58.
    package var isOutOfResources: Bool {
        self.sqlState.map { $0.hasPrefix("53") || $0.hasPrefix("58") } ?? false
    }
}

extension PostgresError: CustomStringConvertible {
    package var description: String {
        switch self.kind {
        case .connection, .timeout: self.message
        case .server(let sqlState): "\(self.message) (SQLSTATE \(sqlState))"
        }
    }
}
