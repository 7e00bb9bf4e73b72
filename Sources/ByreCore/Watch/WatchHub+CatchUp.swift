import DequeModule

/// Names a slice of history on its way from the backend.
struct CatchUpID: Hashable, Sendable {
    let rawValue: UInt64
}

/// History that watchers of one range lag behind on, for the driver to load.
package struct CatchUpSlice: Sendable {
    /// A change to load: the key's version of that revision.
    package struct Entry: Hashable, Sendable {
        package let key: Bytes
        package let revision: Revision
    }

    let id: CatchUpID
    /// What to load, in revision order, whole revisions; never empty.
    package private(set) var entries: [Entry]
    /// Every change of the range up to this revision is in `entries`.
    package private(set) var through: Int64
    private let wantsPrevious: Bool
    /// The tenant's, when the slice was cut.
    private let compactRevision: Int64

    init(
        id: CatchUpID,
        entries: [Entry],
        through: Int64,
        wantsPrevious: Bool,
        compactRevision: Int64
    ) {
        self.id = id
        self.entries = entries
        self.through = through
        self.wantsPrevious = wantsPrevious
        self.compactRevision = compactRevision
    }

    /// Whether the key's version before the change is wanted, with its value.
    ///
    /// It is not if the revision before is compacted.
    package func wantsPrevious(of entry: Entry) -> Bool {
        self.wantsPrevious && entry.revision.main > self.compactRevision
    }

    /// Leaves out entries whose version is gone: one that its own transaction changed again, at the
    /// revision of a compaction.
    package mutating func removeEntries(where isGone: (Entry) -> Bool) {
        self.entries.removeAll(where: isGone)
    }

    /// Drops revisions from the end so that what is left comes to `bytesMax`, passed by the rest of
    /// the last revision.
    ///
    /// What is dropped is in a later slice.
    /// - Parameter size: bytes that an entry, and its index, comes to: key, value, previous value.
    /// - Complexity: O(`entries.count`).
    package mutating func truncate(bytesMax: Int, size: (_ index: Int, _ entry: Entry) -> Int) {
        var total = 0
        for index in self.entries.indices {
            let main = self.entries[index].revision.main
            if total >= bytesMax, main != self.entries[index - 1].revision.main {
                self.through = self.entries[index - 1].revision.main
                self.entries.removeSubrange(index...)
                return
            }
            total += size(index, self.entries[index])
        }
    }
}

/// What became of a call to ``WatchHub/nextCatchUp()``.
package enum CatchUpStep: Sendable {
    /// Nobody lags whose stream takes more.
    case idle
    /// Some watchers came further without anything to load.
    ///
    /// Call again, after letting others have the lock.
    case advanced
    /// To load, outside the lock, and then to be given to ``WatchHub/deliver(_:for:)`` or
    /// ``WatchHub/abandon(_:)``.
    case load(CatchUpSlice)
}

extension WatchHub {
    /// Whether ``nextCatchUp()`` has something to do.
    ///
    /// May become true with any call that changes the hub; the driver looks after each and sees to
    /// it that a worker runs.
    package var hasCatchUpWork: Bool { !self.catchUpQueue.isEmpty }

    /// Slices handed out and not yet given back.
    package var slicesLoading: Int { self.loading.count }

    /// Does one bounded step for the stream whose turn it is.
    ///
    /// The versions to load are looked up in the index as it is under the same hold of the lock:
    /// compaction may be faster than the load.
    /// - Complexity: O(log records + ``WatchLimits/catchUpRecordsMax`` +
    ///   ``WatchLimits/catchUpSharersMax``), and the rest of one revision.
    package mutating func nextCatchUp() -> CatchUpStep {
        guard let stream = self.popCatchUp() else { return .idle }
        let leader = stream.nextUnsynced()
        if leader.nextRevision < self.compactRevision {
            self.endCompacted(leader)
            self.queueForCatchUp(stream)
            return .advanced
        }
        let group = leader.group
        let (entries, through) = self.history(of: group.range, from: leader.nextRevision)
        let watchers = self.sharers(with: leader, through: through)
        if entries.isEmpty {
            for watcher in watchers { self.advance(watcher, past: through) }
            self.queueForCatchUp(stream)
            return .advanced
        }
        self.lastCatchUp += 1
        let id = CatchUpID(rawValue: self.lastCatchUp)
        for watcher in watchers { watcher.stream.isLoading = true }
        self.loading[id] = watchers
        return .load(
            CatchUpSlice(
                id: id,
                entries: entries,
                through: through,
                wantsPrevious: watchers.contains { $0.options.contains(.previousKV) },
                compactRevision: self.compactRevision
            )
        )
    }

    /// Takes the events of a slice and queues them for those that waited; who has then reached the
    /// committed revision is back on the live path, under the same lock.
    /// - Parameter events: one for each entry of `slice`, in order; a previous version that the slice
    ///   does not want is left out anyway.
    /// - Returns: the streams to wake.
    /// - Complexity: O(`events.count` + watchers that waited).
    package mutating func deliver(
        _ events: [WatchEvent],
        for slice: CatchUpSlice
    ) -> [WatchStreamID] {
        precondition(events.count == slice.entries.count, "every entry is delivered")
        guard let watchers = self.loading.removeValue(forKey: slice.id) else {
            preconditionFailure("a slice is given back once")
        }
        var delivery = CatchUpDelivery(
            events: events,
            of: slice,
            encode: self.encode
        )
        for watcher in watchers where watcher.state == .unsynced {
            let batch = delivery.batch(from: watcher.nextRevision, for: watcher.options)
            if let batch {
                self.sendEvents(batch, revision: self.committedRevision, to: watcher)
            }
            self.advance(watcher, past: slice.through)
        }
        self.finishLoading(watchers)
        return self.takeWakes()
    }

    /// Takes a slice back that could not be loaded; its watchers stay where they are and get
    /// another turn.
    ///
    /// When the versions were compacted meanwhile, that turn ends them as etcd does; when the
    /// backend failed, the driver waits before it asks for the next slice.
    package mutating func abandon(_ slice: CatchUpSlice) {
        guard let watchers = self.loading.removeValue(forKey: slice.id) else { return }
        self.finishLoading(watchers)
    }

    private mutating func finishLoading(_ watchers: [Watcher]) {
        for watcher in watchers { watcher.stream.isLoading = false }
        for watcher in watchers { self.queueForCatchUp(watcher.stream) }
    }

    /// Lets a stream have a turn, if one of its watchers can use it.
    mutating func queueForCatchUp(_ stream: WatchStream) {
        if stream.isQueued || !self.canCatchUp(stream) { return }
        stream.isQueued = true
        self.catchUpQueue.append(stream)
    }

    private func canCatchUp(_ stream: WatchStream) -> Bool {
        !stream.unsynced.isEmpty && !stream.isLoading && !stream.isClosed
            && stream.outbox.bytes < self.limits.outboxBytesLow
    }

    /// The next stream that can use its turn; those that no longer can leave the queue and come
    /// back when they are drained or their slice is delivered.
    private mutating func popCatchUp() -> WatchStream? {
        while let stream = self.catchUpQueue.popFirst() {
            stream.isQueued = false
            if self.canCatchUp(stream) { return stream }
        }
        return nil
    }

    /// The changes in `range` from a revision on, as many as a slice may have.
    private func history(
        of range: KeyRange,
        from first: Int64
    ) -> (entries: [CatchUpSlice.Entry], through: Int64) {
        var entries: [CatchUpSlice.Entry] = []
        var revisions = 0
        let limit = self.limits.catchUpRevisionsMax
        let through = self.log.visit(
            from: first,
            through: self.committedRevision,
            recordsMax: self.limits.catchUpRecordsMax
        ) { key, revision in
            if range.contains(key) {
                if entries.last?.revision.main != revision.main { revisions += 1 }
                entries.append(CatchUpSlice.Entry(key: key, revision: revision))
            }
            return revisions < limit
        }
        return (entries, through)
    }

    /// `leader` and the other lagging watchers of its range for which the slice does as well.
    private func sharers(with leader: Watcher, through: Int64) -> [Watcher] {
        var watchers = [leader]
        for watcher in leader.group.unsynced.prefix(self.limits.catchUpSharersMax)
        where watcher !== leader && watcher.nextRevision >= leader.nextRevision
            && watcher.nextRevision <= through && self.canCatchUp(watcher.stream)
        {
            watchers.append(watcher)
        }
        return watchers
    }

    /// Notes that a watcher has everything up to `revision`.
    private mutating func advance(_ watcher: Watcher, past revision: Int64) {
        if revision >= self.committedRevision {
            self.move(watcher, to: .synced, from: self.committedRevision + 1)
        } else {
            watcher.nextRevision = max(watcher.nextRevision, revision + 1)
        }
    }
}

/// Cuts a slice's events to what each of its watchers wants; equal wishes share one batch.
private struct CatchUpDelivery {
    private struct Wish: Hashable {
        var first: Int
        var variant: Int
    }

    private let events: [WatchEvent]
    private let encode: WatchEventEncoder
    private var encodings = EventEncodings()
    private var batches: [Wish: EncodedEvents?] = [:]

    init(events: [WatchEvent], of slice: CatchUpSlice, encode: @escaping WatchEventEncoder) {
        var events = events
        for (index, entry) in slice.entries.enumerated() where !slice.wantsPrevious(of: entry) {
            events[index].previous = .none
        }
        self.events = events
        self.encode = encode
        self.encodings.reset(count: events.count)
    }

    /// What a watcher gets; nil when the filters leave nothing.
    mutating func batch(from revision: Int64, for options: WatchOptions) -> EncodedEvents? {
        let first =
            self.events.firstIndex { $0.version.modRevision >= revision } ?? self.events.count
        let wish = Wish(first: first, variant: options.variant)
        if let batch = self.batches[wish] { return batch }
        let withPrevious = options.contains(.previousKV)
        var encoded: [Bytes] = []
        for index in first..<self.events.count where options.accepts(self.events[index]) {
            encoded.append(
                self.encodings.bytes(
                    of: self.events[index],
                    at: index,
                    withPrevious: withPrevious,
                    encode: self.encode
                )
            )
        }
        let batch = encoded.isEmpty ? nil : EncodedEvents(encoded)
        self.batches[wish] = .some(batch)
        return batch
    }
}
