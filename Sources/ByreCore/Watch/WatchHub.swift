import DequeModule

/// The watches of one tenant: who watches what, who is how far, and what each stream sends next.
///
/// A deterministic machine without I/O, clock or lock: the driver keeps it under one mutex. The
/// committer publishes, event loops create, cancel and drain, a worker loads history for those that
/// lag. All of a stream's messages pass through its one outbox in the order in which they were
/// decided under the lock, so that no progress can overtake an event (etcd #15220).
///
/// ```
///              create, start > committed            outbox full, or a previous value missing
///   create ───────────────────────────► synced ─────────────────────────────────► unsynced ◄─┐
///      │                                  ▲                                         │  │      │
///      │ start <= committed               └──── history read up to committed ───────┘  │      │
///      └────────────────────────────────────────────────────────────────────────────── │ ─────┘
///                       next revision < compact revision: ended, id still known  ◄─────┘
/// ```
///
/// It answers for etcd's watch guarantees, each for one watcher: *Ordered* (revisions never fall),
/// *Unique* (no event twice), *Atomic* (a revision is never split over two batches), *Reliable* (no
/// event is left out), *Resumable* (a watcher may start at any revision that is not compacted),
/// *Bookmarkable* (a progress revision means that everything up to it was sent), *PrevKV*.
///
/// It is not responsible for permissions, encoding messages, or ending calls.
/// - Source: etcd `server/storage/mvcc/watchable_store.go`, `server/etcdserver/api/v3rpc/watch.go`.
package struct WatchHub: ~Copyable {
    package let limits: WatchLimits
    /// The tenant's own limit on watchers over all streams, or that of `limits`.
    private var watchersMax: Int
    /// What changed at each revision that is not compacted.
    package internal(set) var log = RevisionLog()
    /// The newest revision published; before that, the one recovered.
    package internal(set) var committedRevision: Int64
    /// The newest compacted revision, or -1.
    package private(set) var compactRevision: Int64

    let encode: WatchEventEncoder
    var streams = WatchStreams()
    var table = WatcherTable()
    /// Watchers on the live path.
    var syncedCount = 0
    /// Watchers catching up.
    var unsyncedCount = 0
    /// Events put into outboxes so far, once for each watcher.
    var eventsSent = 0
    /// Those of `syncedCount` that want previous versions.
    var syncedWithPrevious = 0
    /// Streams with watchers that could catch up now, each once, served in turn.
    var catchUpQueue: Deque<WatchStream> = []
    /// Watchers that share a slice being loaded.
    var loading: [CatchUpID: [Watcher]] = [:]
    var lastCatchUp: UInt64 = 0
    /// Streams that hold something to send since the driver was last told.
    var wakes: [WatchStreamID] = []
    /// No stream's periodic progress is due before this.
    var earliestProgress: Duration?
    /// Working memory of publishing.
    var scratch = PublishScratch()

    /// - Parameters:
    ///   - committedRevision: the tenant's revision as recovered.
    ///   - compactRevision: as recovered; -1 when never compacted.
    ///   - encode: how events look on the wire.
    package init(
        committedRevision: Int64,
        compactRevision: Int64,
        log: RevisionLog = RevisionLog(),
        limits: WatchLimits = WatchLimits(),
        encode: @escaping WatchEventEncoder
    ) {
        self.committedRevision = committedRevision
        self.compactRevision = compactRevision
        self.log = log
        self.limits = limits
        self.watchersMax = limits.watchersMax
        self.encode = encode
    }

    deinit {
        // Watchers, their groups and their streams refer to each other.
        for stream in self.streams.all { stream.watchers = [:] }
        var table = self.table
        table.dissolve()
    }

    // MARK: History

    /// Whether there is a watcher, on the live path or catching up.
    package var isWatched: Bool { self.syncedCount + self.unsyncedCount > 0 }

    /// Publishes changes that nobody watches, of one or more consecutive revisions.
    /// - Precondition: not ``isWatched``.
    /// - Complexity: O(`changes.count`).
    package mutating func record(_ changes: [Change]) {
        precondition(!self.isWatched, "who watches is told")
        for change in changes {
            let main = change.version.modRevision
            precondition(
                main == self.committedRevision || main == self.committedRevision + 1,
                "revisions are published without gap"
            )
            self.log.append(change.key, at: change.version.revision)
            self.committedRevision = main
        }
    }

    /// Raises the compact revision.
    ///
    /// Watchers that still need what is older end when their turn to catch up comes; the log keeps
    /// its records until ``truncateLog()``.
    package mutating func compact(to revision: Int64) {
        precondition(revision <= self.committedRevision, "only what is committed is compacted")
        self.compactRevision = max(self.compactRevision, revision)
    }

    /// Forgets the log before the compact revision, once the compactor has walked it.
    ///
    /// What changed at the compact revision itself stays: a watcher may start there (etcd #18089,
    /// #19179).
    package mutating func truncateLog() {
        self.log.truncate(before: self.compactRevision)
    }

    // MARK: Streams

    /// Opens a stream.
    /// - Parameters:
    ///   - loop: the event loop that will drain it.
    ///   - progressInterval: time between periodic progress of its watchers, jitter included.
    ///   - now: time since any fixed point, as for ``tick(now:)``.
    /// - Returns: nil when there are ``WatchLimits/streamsMax`` already.
    package mutating func openStream(
        loop: Int32,
        progressInterval: Duration,
        now: Duration
    ) -> WatchStreamID? {
        if self.streams.count >= self.limits.streamsMax { return nil }
        return self.streams.open(loop: loop) { id in
            WatchStream(
                id: id,
                progressInterval: progressInterval,
                progressDue: now + progressInterval
            )
        }
    }

    /// Forgets a stream with all its watchers and whatever it had still to send.
    ///
    /// A stream that is closed, or was never opened, ignores everything.
    /// - Complexity: O(watchers of the stream · log watchers of the tenant).
    package mutating func closeStream(_ id: WatchStreamID) {
        guard let stream = self.streams.remove(id) else { return }
        stream.isClosed = true
        let watchers = stream.watchers.values.sorted { $0.id < $1.id }
        for watcher in watchers where watcher.state != .ended { self.end(watcher) }
        stream.watchers = [:]
        if stream.isQueued {
            self.catchUpQueue.removeAll { $0 === stream }
        }
    }

    /// Forgets all streams and all history: the tenant is gone.
    package mutating func dissolve() {
        for stream in self.streams.all { self.closeStream(stream.id) }
        self.log = RevisionLog()
    }

    // MARK: Watchers

    /// Limits the watchers over all streams to fewer than ``WatchLimits/watchersMax``, or no more.
    ///
    /// Those that are there stay.
    package mutating func limitWatchers(to count: Int64?) {
        self.watchersMax = min(self.limits.watchersMax, count.map { Int(clamping: $0) } ?? .max)
    }

    /// Creates a watcher, or refuses to; either answer goes into the stream's outbox, which the
    /// caller drains next.
    ///
    /// etcd's order of checks: negative revision, permission, range, id.
    /// - Parameters:
    ///   - denied: what the caller's look at permissions came to; nil to allow.
    ///   - now: time, as for ``tick(now:)``.
    /// - Returns: the watcher's id, or nil when refused.
    /// - Complexity: O(log ranges).
    @discardableResult
    package mutating func create(
        _ request: WatchCreateRequest,
        on streamID: WatchStreamID,
        denied: WatchRefusal? = nil,
        now: Duration
    ) -> WatchID? {
        guard let stream = self.streams[streamID] else { return nil }
        let refusal = self.refusal(of: request, on: stream, denied: denied)
        if let refusal {
            self.answer(.refused(refusal, revision: self.committedRevision), on: stream)
            return nil
        }
        let id = request.id == .automatic ? stream.pickID() : request.id
        let next = self.committedRevision + 1
        let start = request.startRevision
        let isSynced = start == 0 || start >= next
        let group = self.table.group(of: request.range)
        let watcher = Watcher(
            id: id,
            stream: stream,
            group: group,
            startRevision: start,
            options: request.options,
            state: isSynced ? .synced : .unsynced,
            nextRevision: isSynced ? max(start, next) : start
        )
        stream.watchers[id] = watcher
        if request.options.contains(.progressNotify) {
            stream.progressWatchers += 1
            // It ran idle, without a watcher to notify.
            if stream.progressDue <= now { stream.progressDue = now + stream.progressInterval }
            self.earliestProgress = min(
                self.earliestProgress ?? stream.progressDue,
                stream.progressDue
            )
        }
        self.enlist(watcher)
        self.answer(.created(id, revision: self.committedRevision), on: stream)
        if !isSynced, start < self.compactRevision {
            self.endCompacted(watcher)
        }
        return id
    }

    private func refusal(
        of request: WatchCreateRequest,
        on stream: WatchStream,
        denied: WatchRefusal?
    ) -> WatchRefusal? {
        if request.startRevision < 0 { return .negativeRevision }
        if let denied { return denied }
        if request.range.isEmpty { return .emptyRange }
        if request.id != .automatic, stream.watchers[request.id] != nil { return .duplicateID }
        if stream.watchers.count >= self.limits.watchersPerStreamMax { return .tooMany }
        if self.syncedCount + self.unsyncedCount >= self.watchersMax { return .tooMany }
        return nil
    }

    /// Cancels a watcher at its client's wish; an unknown id is ignored.
    ///
    /// A watcher that compaction ended is answered too. The caller drains the stream next.
    /// - Returns: whether there was such a watcher.
    @discardableResult
    package mutating func cancel(_ id: WatchID, on streamID: WatchStreamID) -> Bool {
        guard let stream = self.streams[streamID],
            let watcher = stream.watchers.removeValue(forKey: id)
        else { return false }
        if watcher.options.contains(.progressNotify) { stream.progressWatchers -= 1 }
        if watcher.state != .ended { self.end(watcher) }
        self.answer(.canceled(id, revision: self.committedRevision), on: stream)
        return true
    }

    // MARK: Draining

    /// Moves what a stream has to send to the end of `responses`: at least one message if there is
    /// any, and until they come to `bytesMax`.
    ///
    /// Called by the stream's event loop, when it is woken and when the connection takes more.
    /// - Returns: whether something is left. If not, the stream is woken when there is more.
    package mutating func take(
        from id: WatchStreamID,
        bytesMax: Int,
        into responses: inout [WatchResponse]
    ) -> Bool {
        guard let stream = self.streams[id] else { return false }
        stream.outbox.take(bytesMax: bytesMax, into: &responses)
        stream.isAwake = !stream.outbox.isEmpty
        self.queueForCatchUp(stream)
        return stream.isAwake
    }

    /// Whether the stream holds so much unsent that no further request of it should be read.
    package func isBackedUp(_ id: WatchStreamID) -> Bool {
        guard let stream = self.streams[id] else { return false }
        return self.isFull(stream)
    }

    /// Streams that came to hold something, each once; for their loops to drain.
    package mutating func takeWakes() -> [WatchStreamID] {
        let wakes = self.wakes
        if !wakes.isEmpty { self.wakes = [] }
        return wakes
    }

    func isFull(_ stream: WatchStream) -> Bool {
        stream.outbox.bytes >= self.limits.outboxBytesMax
    }

    /// Queues a message without events; the stream's loop is told with the next wake-ups.
    mutating func send(_ response: consuming WatchResponse, on stream: WatchStream) {
        stream.outbox.append(response, WatchResponse.Load(), batch: nil)
        self.wake(stream)
    }

    /// Notes that a stream has something to send.
    mutating func wake(_ stream: WatchStream) {
        if stream.isAwake { return }
        stream.isAwake = true
        self.wakes.append(stream.id)
    }

    /// Queues an answer to a request; the stream's loop, which asked, drains next by itself.
    mutating func answer(_ response: consuming WatchResponse, on stream: WatchStream) {
        stream.outbox.append(response, WatchResponse.Load(), batch: nil)
        stream.isAwake = true
    }

    // MARK: States

    /// Enters a watcher, new or with a new state, into the lists of its state.
    mutating func enlist(_ watcher: Watcher) {
        watcher.group.add(watcher)
        switch watcher.state {
        case .synced:
            self.syncedCount += 1
            watcher.stream.syncedCount += 1
            if watcher.options.contains(.previousKV) { self.syncedWithPrevious += 1 }
        case .unsynced:
            self.unsyncedCount += 1
            watcher.stream.addUnsynced(watcher)
            self.queueForCatchUp(watcher.stream)
        case .ended:
            break
        }
    }

    /// Strikes a watcher from the lists of its state.
    ///
    /// Its group may be left without members.
    mutating func delist(_ watcher: Watcher) {
        watcher.group.remove(watcher)
        switch watcher.state {
        case .synced:
            self.syncedCount -= 1
            watcher.stream.syncedCount -= 1
            if watcher.options.contains(.previousKV) { self.syncedWithPrevious -= 1 }
        case .unsynced:
            self.unsyncedCount -= 1
            watcher.stream.removeUnsynced(watcher)
        case .ended:
            break
        }
    }

    /// Puts a watcher on another path, from `revision` on.
    mutating func move(_ watcher: Watcher, to state: Watcher.State, from revision: Int64) {
        self.delist(watcher)
        watcher.state = state
        watcher.nextRevision = revision
        self.enlist(watcher)
    }

    mutating func end(_ watcher: Watcher) {
        let group = watcher.group
        self.delist(watcher)
        watcher.state = .ended
        if group.isEmpty { self.table.remove(group) }
    }

    /// Ends a watcher that needs compacted history.
    ///
    /// Its id stays known until the client cancels it, which etcd's client does.
    mutating func endCompacted(_ watcher: Watcher) {
        self.end(watcher)
        self.send(
            .compacted(watcher.id, compactRevision: self.compactRevision),
            on: watcher.stream
        )
    }

    // MARK: Metrics

    package var counters: WatchCounters {
        var pending = 0
        for stream in self.streams.all { pending += stream.outbox.eventCount }
        return WatchCounters(
            streams: self.streams.count,
            watchers: self.syncedCount + self.unsyncedCount,
            slowWatchers: self.unsyncedCount,
            pendingEvents: pending,
            events: self.eventsSent
        )
    }
}

/// Numbers of one moment, for metrics.
package struct WatchCounters: Hashable, Sendable {
    package var streams: Int
    /// Watchers that are not ended.
    package var watchers: Int
    /// Those of them that catch up.
    package var slowWatchers: Int
    /// Events in outboxes.
    package var pendingEvents: Int
    /// Events put into outboxes so far, once for each watcher.
    package var events: Int
}
