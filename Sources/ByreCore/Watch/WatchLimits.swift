/// Bounds of one tenant's watches, and what happens at each.
package struct WatchLimits: Hashable, Sendable {
    /// Open streams.
    ///
    /// One more is not opened; its call ends with `Unavailable`.
    package var streamsMax = 65_536
    /// Watchers over all streams.
    ///
    /// One more is refused with ``WatchRefusal/tooMany``.
    package var watchersMax = 1_000_000
    /// Watchers of one stream.
    ///
    /// One more is refused with ``WatchRefusal/tooMany``.
    package var watchersPerStreamMax = 65_536
    /// Bytes a stream's outbox holds before its watchers leave the live path and catch up later
    /// from history.
    ///
    /// An outbox passes it by at most one batch and by answers to requests; while it is passed the
    /// driver reads no further request of the stream.
    package var outboxBytesMax = 1 << 20
    /// Distinct revisions in one catch-up batch; the rest goes into the next one.
    /// - Source: etcd `server/storage/mvcc/watcher_group.go`, `watchBatchMaxRevs`.
    package var catchUpRevisionsMax = 1000
    /// Bytes of keys and values in one catch-up batch, applied by
    /// ``CatchUpSlice/truncate(bytesMax:size:)``: a batch passes it by the rest of its last
    /// revision.
    package var catchUpBytesMax = 1 << 20
    /// Log records looked at for one slice: what bounds the time under the lock.
    ///
    /// Passed by the rest of the last revision.
    package var catchUpRecordsMax = 2048
    /// Watchers of the same range looked at for sharing one slice; others get slices of their own.
    package var catchUpSharersMax = 512

    package init() {}

    /// An outbox below this takes catch-up batches again.
    var outboxBytesLow: Int { self.outboxBytesMax / 2 }
}
