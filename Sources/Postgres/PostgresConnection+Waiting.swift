import CPostgres
import Glibc

/// The connection's socket: sending, and waiting for no longer than allowed.
///
/// PostgreSQL: <https://www.postgresql.org/docs/15/libpq-async.html>
extension PostgresConnection {
    /// After a connection was lost, at most so many results are looked at for the reason.
    private static let resultsAfterLossMax = 64

    /// Refuses when the connection is closed.
    func open() throws(PostgresError) -> OpaquePointer {
        guard let handle = self.handle else {
            throw PostgresError(kind: .connection, message: "the connection is closed")
        }
        return handle
    }

    /// Checks a call of libpq that puts something into its buffer: 1 is success.
    func sent(_ code: CInt) throws(PostgresError) {
        guard code == 1 else { throw self.lost(nil) }
    }

    /// Whether the server has not hung up, as far as is known here; closes the connection if it has.
    /// To be asked between statements. One system call.
    package func isStillThere() -> Bool {
        guard let handle = self.handle else { return false }
        // What a server says before it hangs up comes with the end of the connection, or just before.
        for _ in 0..<Self.resultsAfterLossMax {
            var socket = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&socket, 1, 0) > 0 else { break }
            guard PQconsumeInput(handle) == 1, PQstatus(handle) == CONNECTION_OK else {
                self.close()
                return false
            }
        }
        return true
    }

    /// The next result, or nil at the end of one statement's results.
    func nextResult() throws(PostgresError) -> PostgresResult? {
        let handle = try self.open()
        while true {
            let unsent = PQflush(handle)
            guard unsent >= 0 else { throw self.lost(nil) }
            guard PQisBusy(handle) == 1 else { break }
            try self.wait(
                sending: unsent == 1,
                milliseconds: self.options.answerTimeoutMilliseconds
            )
            guard PQconsumeInput(handle) == 1 else { throw self.lost(nil) }
        }
        return PQgetResult(handle).map(PostgresResult.init)
    }

    /// Waits until the server has sent something, or can take more.
    /// - Parameter milliseconds: 0 waits without end.
    private func wait(sending: Bool, milliseconds: Int) throws(PostgresError) {
        let isReady = try self.poll(
            events: Int16(sending ? POLLIN | POLLOUT : POLLIN),
            milliseconds: milliseconds > 0 ? milliseconds : -1
        )
        guard isReady else {
            self.close()
            throw PostgresError(
                kind: .timeout,
                message: "the server has not answered within \(milliseconds) ms"
            )
        }
    }

    /// - Parameter milliseconds: -1 waits without end.
    /// - Returns: false when the time is over.
    func poll(events: Int16, milliseconds: Int) throws(PostgresError) -> Bool {
        let handle = try self.open()
        let clock = ContinuousClock()
        let deadline = clock.now + .milliseconds(milliseconds)
        var socket = pollfd(fd: PQsocket(handle), events: events, revents: 0)
        while true {
            let left = clock.now.duration(to: deadline) / Duration.milliseconds(1)
            let patience =
                milliseconds < 0 ? -1 : CInt(min(max(0, left.rounded(.up)), Double(CInt.max)))
            let ready = Glibc.poll(&socket, 1, patience)
            if ready > 0 { return true }
            if ready == 0 {
                if milliseconds >= 0, clock.now >= deadline { return false }
            } else if errno != EINTR {
                throw self.lost("poll: error \(errno)")
            }
        }
    }

    /// Closes the connection, and says why it was lost.
    func lost(_ reason: String?) -> PostgresError {
        guard let handle = self.handle else {
            return PostgresError(kind: .connection, message: "the connection is closed")
        }
        defer { self.close() }
        if let reason { return PostgresError(kind: .connection, message: reason) }
        let message = lastMessage(of: handle)
        // What the server said before it hung up comes first in its results.
        if PQstatus(handle) == CONNECTION_BAD {
            for _ in 0..<Self.resultsAfterLossMax {
                guard let result = PQgetResult(handle).map(PostgresResult.init) else { continue }
                if let farewell = result.errorField(byre_diag_message), result.isFatal {
                    return PostgresError(kind: .connection, message: farewell)
                }
            }
        }
        return PostgresError(kind: .connection, message: message)
    }
}

/// libpq's last sentence about a connection, in one line, without its password.
func lastMessage(of handle: OpaquePointer) -> String {
    var sentence = PQerrorMessage(handle).map { String(cString: $0) } ?? ""
    if let password = PQpass(handle).map({ String(cString: $0) }), !password.isEmpty {
        sentence = sentence.replacing(password, with: "...")
    }
    let lines = sentence.split(separator: "\n", omittingEmptySubsequences: true)
    return lines.isEmpty ? "the connection is lost" : lines.joined(separator: "; ")
}
