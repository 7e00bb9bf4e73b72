import CPostgres
import Glibc

extension PostgresConnection {
    /// Waits for notifications of the channels that were named by LISTEN.
    ///
    /// PostgreSQL: <https://www.postgresql.org/docs/15/libpq-notify.html>
    /// - Parameter ignored: what this process of the server said is passed over; see
    ///   ``serverProcess``.
    /// - Returns: the payloads of all that have come, in order; none when the time is over.
    package func waitForNotification(
        timeoutMilliseconds: Int,
        ignoring ignored: () -> Int32 = { 0 }
    ) throws(PostgresError) -> [String] {
        let handle = try self.open()
        let clock = ContinuousClock()
        let deadline = clock.now + .milliseconds(timeoutMilliseconds)
        while true {
            guard PQconsumeInput(handle) == 1 else { throw self.lost(nil) }
            let payloads = self.takeNotifications(handle, ignoring: ignored())
            guard payloads.isEmpty else { return payloads }
            let left = clock.now.duration(to: deadline) / Duration.milliseconds(1)
            guard left > 0 else { return [] }
            // What else wakes it (a setting that the server reports) has no payload.
            _ = try self.poll(events: Int16(POLLIN), milliseconds: Int(left.rounded(.up)))
        }
    }

    private func takeNotifications(
        _ handle: OpaquePointer,
        ignoring ignored: Int32
    ) -> [String] {
        var payloads: [String] = []
        while let notification = PQnotifies(handle) {
            defer { PQfreemem(notification) }
            guard notification.pointee.be_pid != ignored else { continue }
            payloads.append(notification.pointee.extra.map { String(cString: $0) } ?? "")
        }
        return payloads
    }
}
