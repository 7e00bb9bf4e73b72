/// Counts a client's pings that come too soon; after two of them a third ends the connection.
///
/// Source: grpc-go `internal/transport/http2_server.go`, `handlePing`.
package struct PingPolicy {
    /// Strikes that are forgiven.
    private static let strikesMax = 2
    /// How often a client may ping that has no streams, unless it is permitted to.
    private static let intervalWithoutStream = Duration.seconds(2 * 3600)

    private let keepalive: Keepalive
    private var strikes = 0
    private var lastPing: Duration?

    package init(_ keepalive: Keepalive) {
        self.keepalive = keepalive
    }

    /// Takes account of a ping.
    /// - Parameter sentMessage: Whether this side has sent HEADERS or DATA since the last ping, which
    ///   clears all strikes.
    /// - Returns: whether the client has pinged too often.
    package mutating func isExceeded(by now: Duration, streams: Int, sentMessage: Bool) -> Bool {
        defer { self.lastPing = now }
        if sentMessage {
            self.strikes = 0
            return false
        }
        let interval =
            streams == 0 && !self.keepalive.permitWithoutStream
            ? Self.intervalWithoutStream : self.keepalive.minTime
        if let lastPing, lastPing + interval > now {
            self.strikes += 1
        }
        return self.strikes > Self.strikesMax
    }
}
