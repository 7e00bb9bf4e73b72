/// Which call of a connection: the stream's number and its place in the connection's tables.
package struct CallID: Hashable, Sendable {
    package let stream: Int32
    package let slot: Int

    package init(stream: Int32, slot: Int) {
        self.stream = stream
        self.slot = slot
    }
}

/// What a call asks of its connection.
///
/// All on the connection's loop; nothing is sent before the call returns.
package protocol CallTransport: AnyObject {
    /// Sends response headers. The body is then taken with ``ServerCall/read(into:)``.
    func open(_ call: ServerCall)
    /// Sends headers that hold the status and are the whole response.
    func refuse(_ call: ServerCall, _ refusal: Refusal)
    /// Takes the body again, after ``CallRead/pending``.
    func resume(_ call: ServerCall)
    /// Ends the call's stream in the middle of its response, so that the client may try again.
    func reset(_ call: ServerCall)
    /// Accepts no further calls on the connection, and closes it once those that run have ended.
    func leave(_ call: ServerCall)
    /// The client sent a message, of several that it may send.
    func receivedMessage(_ call: ServerCall)
    /// The handler sent a message, of several that it may send.
    func sentMessage(_ call: ServerCall)
    /// The call has its outcome, sent or not.
    func settled(_ call: ServerCall, _ code: Status.Code)
}

/// A piece of what a call sends.
package enum CallRead {
    /// Nothing is at hand; ``CallTransport/resume(_:)`` is called once there is.
    case pending
    /// So many bytes were written, and more may follow.
    case bytes(Int)
    /// So many bytes were written, and they are the last; trailers with the status come next.
    case last(Int, Status)
}
