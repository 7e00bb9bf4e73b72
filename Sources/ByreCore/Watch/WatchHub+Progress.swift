extension WatchHub {
    /// Answers a client's request for progress: the committed revision, on behalf of all watchers
    /// of the stream, if all are on the live path and have reached where they start.
    ///
    /// Otherwise nothing: the client asks again. The caller drains the stream next.
    /// - Returns: whether there is an answer.
    /// - Source: etcd `server/storage/mvcc/watchable_store.go`, `progressIfSync`.
    /// - Complexity: O(watchers of the stream).
    @discardableResult
    package mutating func requestProgress(on id: WatchStreamID) -> Bool {
        guard let stream = self.streams[id], !stream.watchers.isEmpty,
            stream.syncedCount == stream.watchers.count, !self.isFull(stream),
            stream.watchers.values.allSatisfy({ self.hasStarted($0) })
        else { return false }
        self.answer(.progress(.invalid, revision: self.committedRevision), on: stream)
        return true
    }

    /// When ``tick(now:)`` next has something to do; nil when no watcher wants periodic progress.
    package var nextTick: Duration? { self.earliestProgress }

    /// Queues the periodic progress that is due.
    ///
    /// Each watcher that asked for it and is on the live path hears the committed revision, except
    /// one that had events since the last time, one that starts later, and one whose outbox is full.
    /// - Returns: the streams to wake.
    /// - Complexity: O(1) when nothing is due, else O(streams + watchers of the streams due).
    package mutating func tick(now: Duration) -> [WatchStreamID] {
        guard let earliest = self.earliestProgress, earliest <= now else { return [] }
        var next: Duration?
        var due: [WatchStream] = []
        for stream in self.streams.all where stream.progressWatchers > 0 {
            if stream.progressDue <= now {
                due.append(stream)
                stream.progressDue += stream.progressInterval
                // Turns that were missed are not made up for.
                if stream.progressDue <= now {
                    stream.progressDue = now + stream.progressInterval
                }
            }
            next = min(next ?? stream.progressDue, stream.progressDue)
        }
        for stream in due.sorted(by: { $0.id.serial < $1.id.serial }) {
            self.notifyProgress(on: stream)
        }
        self.earliestProgress = next
        return self.takeWakes()
    }

    private mutating func notifyProgress(on stream: WatchStream) {
        let watchers = stream.watchers.values.filter { $0.options.contains(.progressNotify) }
        for watcher in watchers.sorted(by: { $0.id < $1.id }) {
            let heardEvents = watcher.heardEvents
            watcher.heardEvents = false
            if heardEvents || watcher.state != .synced || !self.hasStarted(watcher)
                || self.isFull(stream)
            {
                continue
            }
            self.send(.progress(watcher.id, revision: self.committedRevision), on: stream)
        }
    }

    /// Whether the revision that the client asked to start from exists.
    ///
    /// Progress before it would promise events that never come.
    /// - See: etcd #20221.
    private func hasStarted(_ watcher: Watcher) -> Bool {
        self.committedRevision >= watcher.startRevision
    }
}
