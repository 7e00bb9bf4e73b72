/// One RPC of a service, as the server runs it.
///
/// Handlers run on the event loop of the connection and must not block.
package struct Method: Sendable {
    package enum Kind: Sendable {
        /// One message in, one out. The span is valid during the call only.
        case unary(@Sendable (_ request: RawSpan, _ call: ServerCall) -> Void)
        /// Any number in, any number out; server streaming is the case of one in.
        case streaming(@Sendable (_ call: ServerCall) -> any StreamHandler)
    }

    /// As in `:path`, for example `/etcdserverpb.KV/Range`.
    package let path: String
    package let kind: Kind

    package init(path: String, kind: Kind) {
        self.path = path
        self.kind = kind
    }
}

/// The server's side of one streaming call.
///
/// Confined to the call's event loop.
package protocol StreamHandler: AnyObject {
    /// A whole message arrived. The span is valid during the call only.
    func received(_ message: RawSpan)

    /// The client will send no more.
    func halfClosed()

    /// The call is over without this side's doing: reset, connection lost, deadline. Nothing may be
    /// sent any more.
    func ended(_ reason: Status)

    /// What was sent has left: ``ServerCall/bufferedBytes`` fell below
    /// ``ServerCall/lowWaterMarkBytes``, having been at or above it. There is room again.
    func drained()

    /// The server stops. A handler that wants to say more than the server's own status calls
    /// ``ServerCall/finish(_:)``; otherwise ``ended(_:)`` comes next.
    func stopping()
}

extension StreamHandler {
    package func stopping() {}
}

/// Bytes of one message, produced while the client's window opens.
///
/// Confined to the call's loop.
package protocol MessageSource: AnyObject {
    /// Copies the next bytes of the message into `buffer`.
    /// - Returns: how many; 0 when none are at hand yet, and then the source calls
    ///   ``ServerCall/resume()`` once there are.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int

    /// The call ended before the whole message was read.
    func cancel()
}
