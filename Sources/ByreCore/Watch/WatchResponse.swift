/// One message of a stream to its client.
///
/// Revisions are what the message's header says. A large `events` may leave as several messages,
/// which then follow one another without anything in between.
package enum WatchResponse: Sendable {
    /// The watcher exists.
    case created(WatchID, revision: Int64)
    /// No watcher was created: created and canceled at once, with ``WatchID/invalid``.
    case refused(WatchRefusal, revision: Int64)
    /// The client's cancellation took effect.
    case canceled(WatchID, revision: Int64)
    /// The watcher ended because it needs what is compacted away.
    ///
    /// The header's revision is 0.
    case compacted(WatchID, compactRevision: Int64)
    /// Changes, filters applied.
    ///
    /// `mayFragment` allows to split a large message.
    case events(WatchID, revision: Int64, EncodedEvents, mayFragment: Bool)
    /// Every event up to `revision` has been sent: on this watcher or, with ``WatchID/invalid``, on
    /// all of the stream.
    case progress(WatchID, revision: Int64)

    /// What a message costs beside its events, in an outbox's accounts.
    static let overheadBytes = 64

    /// What a message carries.
    struct Load {
        var eventCount = 0
        /// Length of the events on the wire.
        var byteCount = 0
    }
}
