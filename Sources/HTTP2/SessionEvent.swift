/// One stream of a session: its number in HTTP/2 and its place in the driver's table.
package struct StreamRef: Hashable, Sendable {
    /// The stream identifier; odd for streams that the client opened.
    package let id: Int32
    /// The lowest number no other open stream of the session has.
    ///
    /// It is free again from the moment ``SessionEvent/closed(_:_:)`` was recorded, so events must
    /// be acted on in order.
    package let slot: Int

    package init(id: Int32, slot: Int) {
        self.id = id
        self.slot = slot
    }
}

/// What a session has to tell its driver, in the order it happened.
package enum SessionEvent: Hashable, Sendable {
    /// A whole header block arrived: the indices of its fields in ``SessionBuffers``.
    case headers(StreamRef, fields: Range<Int>)
    /// A piece of the stream's body: where it lies in the bytes that were fed.
    case data(StreamRef, Range<Int>)
    /// The peer sends no more on this stream.
    case halfClosed(StreamRef)
    /// A server's END_STREAM has left while the client may still send.
    case finishedEarly(StreamRef)
    /// The stream is over and its slot free; nothing can be sent on it.
    case closed(StreamRef, ErrorCode)
    /// The peer sent PING; the answer is already queued.
    case ping
    /// The peer answered our PING.
    case pong
    /// The peer sent GOAWAY: it opens or accepts no more streams.
    case goAway(ErrorCode, lastStream: Int32)
}
