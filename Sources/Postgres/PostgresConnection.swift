import CPostgres

/// One connection to a PostgreSQL server, for one thread at a time.
///
/// Calls block, and each wait has a bound (``PostgresOptions``). Parameters and answers are binary.
/// An error of kind `connection` or `timeout` has closed it: whoever needs another opens it.
///
/// PostgreSQL: <https://www.postgresql.org/docs/15/libpq.html>
package final class PostgresConnection {
    package let options: PostgresOptions
    /// Cancels what this connection does; for other threads.
    package let canceller: PostgresCanceller
    /// Nil once closed.
    private(set) var handle: OpaquePointer?
    /// The names of the statements that the server has prepared for this connection.
    var prepared: [PostgresStatement: String] = [:]
    /// How many names have been given.
    var namesGiven = 0
    /// Counted by libpq's receiver of notices, on the thread that reads the server's answers.
    private let warningsCell: UnsafeMutablePointer<Int>

    /// Connects to the first host of `url` that answers and, unless the URL says otherwise, takes
    /// writes.
    ///
    /// Passwords come from the URL, from `PGPASSWORD`, or from a password file; several hosts,
    /// services and TLS are as libpq has them.
    ///
    /// PostgreSQL: <https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING>
    /// - Parameter url: a connection string of libpq, `postgresql://...` or `host=... port=...`.
    package init(_ url: String, options: PostgresOptions = .init()) throws(PostgresError) {
        let parameters = try ConnectionParameters(url, options)
        let handle = parameters.withPointers { PQconnectdbParams($0, $1, 1) }
        guard let handle else {
            throw PostgresError(kind: .connection, message: "out of memory")
        }
        guard PQstatus(handle) == CONNECTION_OK, let cancel = PQgetCancel(handle) else {
            defer { PQfinish(handle) }
            throw PostgresError(kind: .connection, message: lastMessage(of: handle))
        }
        self.warningsCell = .allocate(capacity: 1)
        self.warningsCell.initialize(to: 0)
        // Without a receiver, what the server remarks would be written to the standard error.
        PQsetNoticeReceiver(
            handle,
            { cell, result in
                guard let severity = PQresultErrorField(result, byre_diag_severity),
                    String(cString: severity) == "WARNING"
                else { return }
                cell?.assumingMemoryBound(to: Int.self).pointee += 1
            },
            self.warningsCell
        )
        self.handle = handle
        self.options = options
        self.canceller = PostgresCanceller(cancel)
        guard PQsetnonblocking(handle, 1) == 0 else { throw self.lost(nil) }
        if !options.isPooled { try self.execute(options.sessionSettings) }
    }

    deinit {
        self.close()
        self.warningsCell.deallocate()
    }

    /// Ends the session; a transaction that is open is rolled back by the server. May be called
    /// twice.
    package func close() {
        guard let handle = self.handle else { return }
        self.handle = nil
        self.prepared = [:]
        PQfinish(handle)
    }

    /// Ends what this connection does, from another thread: see ``PostgresCanceller``.
    package func cancel() { self.canceller.cancel() }

    /// How many warnings the server has sent.
    var warnings: Int { self.warningsCell.pointee }

    // MARK: What it is

    /// Whether it is open as far as is known: a server that went away is noticed at the next call.
    /// Statements that the server has prepared for this connection.
    package var preparedCount: Int { self.prepared.count }

    package var isAlive: Bool { self.handle.map { PQstatus($0) == CONNECTION_OK } ?? false }

    /// Whether BEGIN succeeded and neither COMMIT nor ROLLBACK yet; also after an error in it.
    package var isInTransaction: Bool {
        guard let handle = self.handle else { return false }
        let status = PQtransactionStatus(handle)
        return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
    }

    /// 150018 is 15.18.
    package var serverVersion: Int { self.handle.map { Int(PQserverVersion($0)) } ?? 0 }

    /// The process of the server that serves this connection, as in `pg_stat_activity`; behind a
    /// pooler it means nothing. Notifications name who sent them by it. 0 when it is closed.
    package var serverProcess: Int32 { self.handle.map { PQbackendPID($0) } ?? 0 }

    /// Whom it is connected to, for a log: `user@host:port/database`.
    package var peer: String {
        guard let handle = self.handle else { return "closed" }
        func text(_ characters: UnsafeMutablePointer<CChar>?) -> String {
            characters.map { String(cString: $0) } ?? ""
        }
        return "\(text(PQuser(handle)))@\(text(PQhost(handle))):\(text(PQport(handle)))"
            + "/\(text(PQdb(handle)))"
    }

    /// The version of TLS on the way to the server; nil without TLS.
    package var tlsVersion: String? {
        guard let handle = self.handle, PQsslInUse(handle) == 1 else { return nil }
        return PQsslAttribute(handle, "protocol").map { String(cString: $0) }
    }
}

/// Asks a server to end what one connection does at the moment: SQLSTATE 57014.
///
/// A COMMIT that waits for a synchronous standby must not be cancelled: the server would then
/// report as done what the standby does not have.
///
/// PostgreSQL: <https://www.postgresql.org/docs/15/libpq-cancel.html>
package final class PostgresCanceller: @unchecked Sendable {
    // Threads may share it: the pointer never changes and libpq only reads what it points to.
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        PQfreeCancel(self.handle)
    }

    /// Blocks while it connects to the server, in a connection of its own.
    /// - Returns: whether the server was told; not whether there was anything to end.
    @discardableResult
    package func cancel() -> Bool {
        // libpq writes a sentence of at most 256 bytes.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { sentence in
            PQcancel(self.handle, sentence.baseAddress, 256) == 1
        }
    }
}
