/// How a connection behaves; each bound says what happens at it.
///
/// The defaults are those of a connection that serves requests. Long work (a migration, a
/// verification) takes a connection of its own, with other bounds.
package struct PostgresOptions: Hashable, Sendable {
    /// What the server's list of connections shows, unless the URL says its own.
    package var applicationName = "byre"
    /// How long each host of the URL is waited for, unless the URL says its own; libpq takes whole
    /// seconds, and no fewer than two.
    package var connectTimeoutSeconds = 5
    /// After this long the server ends a statement: SQLSTATE 57014. Zero: never.
    package var statementTimeoutMilliseconds = 10_000
    /// After this long the server stops waiting for a lock: SQLSTATE 55P03. Zero: never.
    package var lockTimeoutMilliseconds = 5_000
    /// After this long the server ends the connection of a client that began a transaction and
    /// says nothing: a process that stands still lets go of its locks. Zero: never.
    package var idleInTransactionTimeoutMilliseconds = 5_000
    /// After this long without a byte from the server, while an answer is owed, the connection is
    /// given up: ``PostgresError/Kind/timeout``. Zero: never. More than the statement's timeout,
    /// which is the server's to keep.
    package var answerTimeoutMilliseconds = 15_000
    /// Whether a pooler stands between (PgBouncer with `pool_mode = transaction`): then nothing
    /// outlives a transaction. Statements are prepared anew each time, timeouts hold only in
    /// transactions begun by ``Pipeline/begin()``, and there is no LISTEN.
    package var isPooled = false

    package init() {}

    /// What gives the session its timeouts.
    var sessionSettings: String { self.settings.map { "SET \($0)" }.joined(separator: "; ") }

    /// What gives one transaction its timeouts.
    var transactionSettings: [PostgresStatement] {
        self.settings.map { PostgresStatement("SET LOCAL \($0)") }
    }

    private var settings: [String] {
        [
            "statement_timeout = \(self.statementTimeoutMilliseconds)",
            "lock_timeout = \(self.lockTimeoutMilliseconds)",
            "idle_in_transaction_session_timeout = \(self.idleInTransactionTimeoutMilliseconds)",
        ]
    }
}
