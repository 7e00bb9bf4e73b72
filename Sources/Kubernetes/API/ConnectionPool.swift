import Synchronization

/// Connections for threads that come and go.
package final class ConnectionPool: @unchecked Sendable {
    // @unchecked: a connection belongs to one thread, and one that is idle, here, to none.

    /// Idle connections that are kept; further ones are closed.
    private static let idleMax = 4

    private let access: ClusterAccess
    private let agent: String
    private let stop: StopSignal
    private let lock = Mutex(())
    /// Protected by `lock`.
    private var idle: [APIConnection] = []

    package init(_ access: ClusterAccess, agent: String, stop: StopSignal) {
        self.access = access
        self.agent = agent
        self.stop = stop
    }

    /// Has a connection do something.
    package func withClient<Result>(
        _ body: (ObjectClient) throws(APIError) -> Result
    ) throws(APIError) -> Result {
        let connection =
            self.lock.withLock { _ in self.idle.popLast() }
            ?? APIConnection(self.access, agent: self.agent, stop: self.stop)
        defer {
            self.lock.withLock { _ in
                if self.idle.count < Self.idleMax { self.idle.append(connection) }
            }
        }
        return try body(ObjectClient(connection))
    }
}
