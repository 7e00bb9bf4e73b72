package import HTTP2
import NIOCore

/// The bounds of a server, each with what happens there.
package struct Limits: Sendable {
    /// Open connections of the whole server.
    ///
    /// One more is closed as it is accepted.
    package var connectionsMax = 100_000
    /// Time from being accepted to the first request's first bytes, TLS included.
    ///
    /// Then the connection is closed.
    package var handshake = Duration.seconds(10)
    /// Time an HTTP/1 connection may wait between bytes.
    ///
    /// Then it is closed.
    package var http1Idle = Duration.seconds(120)
    /// Time an HTTP/2 connection may be without calls.
    ///
    /// Then it is told that it should go, and a client that has something to ask connects again.
    /// An API server's connections carry watches, so this is for those that were forgotten.
    package var http2Idle = Duration.seconds(3600)
    /// Time that the calls of a client whose certificate was revoked have to end.
    ///
    /// Then its connection is closed.
    package var revokedGrace = Duration.seconds(5)
    /// Bytes of an HTTP/1 request's body.
    ///
    /// A larger one is answered with 413.
    package var http1BodyBytesMax = 2 << 20
    /// Bytes of one gRPC message that is received.
    ///
    /// A larger one is `RESOURCE_EXHAUSTED`.
    package var messageBytesMax = 2 << 20
    /// Bytes of incomplete messages that a connection's calls may hold.
    ///
    /// The call that goes past it is `RESOURCE_EXHAUSTED`.
    package var gatheredBytesMax = 32 << 20
    /// Bytes of answers that wait for a connection's client to take them.
    ///
    /// At the bound new calls are `UNAVAILABLE` until it has taken some.
    package var unsentBytesMax = 64 << 20
    /// What a session grants its peer.
    package var session = SessionLimits()

    package init() {}

    /// Bytes that are pulled from HTTP/2 for one write; also what a client that does not read makes
    /// this side hold of its connection's output.
    static let writeBytes = 64 << 10
    /// Writes of one connection in a row, before the loop's other connections get their turn.
    static let writesInTurn = 2
    /// Time between two turns of a connection while others ask: long answers leave the processors to
    /// short ones, and still go at a hundred megabytes a second.
    static let turnPause = TimeAmount.milliseconds(1)
    /// Nanoseconds for which a connection that had a long answer counts as one of long answers, whose
    /// calls no other gives way to.
    static let longAnswersFor: UInt64 = 100_000_000
    /// Nanoseconds for which a call counts as asked just now.
    static let askedRecently: UInt64 = 5_000_000
    /// Nanoseconds to which it is known when something was asked.
    static let askedGrain: UInt64 = 1_000_000
    /// Bytes that are read from a socket at once, into a buffer that all of a loop's sockets share.
    static let readBytes = 64 << 10
    /// Time a peer has to hang up once this side has sent its last. Then the connection is closed.
    static let linger = Duration.seconds(1)
    /// Time between two looks at a loop's connections for timeouts, which are this much late at most.
    static let sweep = Duration.milliseconds(250)
}

/// When the server pings, and how often a client may.
package struct Keepalive: Hashable, Sendable {
    /// A connection that was silent for this long is pinged.
    package var interval = Duration.seconds(2 * 3600)
    /// A pinged connection that stays silent for this long is closed.
    package var timeout = Duration.seconds(20)
    /// A client that has streams may ping this often.
    package var minTime = Duration.seconds(5)
    /// Whether a client without streams may ping as often; else once in two hours.
    package var permitWithoutStream = false

    package init() {}
}
