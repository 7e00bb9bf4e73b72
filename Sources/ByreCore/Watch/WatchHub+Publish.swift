/// What publishing one revision needs, kept between revisions for its memory.
struct PublishScratch {
    /// Groups that hold a key of the revision at hand, then those of all its keys, each once.
    var found: [WatcherGroup] = []
    var touched: [WatcherGroup] = []
    var encodings = EventEncodings()
}

/// The wire forms of some events, each made when first wanted.
struct EventEncodings {
    private var plain: [Bytes?] = []
    private var withPrevious: [Bytes?] = []

    /// Forgets everything and makes room for `count` events.
    mutating func reset(count: Int) {
        self.plain.removeAll(keepingCapacity: count <= Self.keptMax)
        self.withPrevious.removeAll(keepingCapacity: count <= Self.keptMax)
        self.plain.append(contentsOf: repeatElement(nil, count: count))
        self.withPrevious.append(contentsOf: repeatElement(nil, count: count))
    }

    /// Events whose places are kept allocated.
    private static let keptMax = 1024

    /// The wire form of `event`, the one at `index`.
    mutating func bytes(
        of event: WatchEvent,
        at index: Int,
        withPrevious: Bool,
        encode: WatchEventEncoder
    ) -> Bytes {
        // Without a previous version both forms are the same.
        if withPrevious, event.previous != .none {
            if let bytes = self.withPrevious[index] { return bytes }
            let bytes = encode(event, true)
            self.withPrevious[index] = bytes
            return bytes
        }
        if let bytes = self.plain[index] { return bytes }
        let bytes = encode(event, false)
        self.plain[index] = bytes
        return bytes
    }
}

/// What the watchers of one variant get of some events.
enum VariantBatch {
    case events(EncodedEvents)
    /// The filters leave nothing.
    case nothing
    /// A previous value is wanted that is not at hand.
    case notLoaded
}

extension WatchHub {
    /// Whether a watcher on the live path wants what `key` held before its change.
    ///
    /// If not, the committer need not load it: ``WatchEvent/Previous/notLoaded`` will do.
    /// - Complexity: O(log ranges + matches).
    package mutating func needsPreviousValue(of key: Bytes) -> Bool {
        if self.syncedWithPrevious == 0 { return false }
        self.table.groups(of: key, into: &self.scratch.found)
        defer { self.scratch.found.removeAll(keepingCapacity: true) }
        return self.scratch.found.contains { $0.syncedWithPrevious > 0 }
    }

    /// Takes the changes of one or more consecutive revisions, in (main, sub) order, that have
    /// become durable, and queues them for whoever watches.
    ///
    /// Each revision is one message for a watcher, whose header says that revision. A watcher whose
    /// stream's outbox is full, or that wants a previous value which is not loaded, leaves the live
    /// path before the revision and catches up later; nothing is lost, nobody else waits.
    ///
    /// Callers of the changes are answered, and readers see the revision, only after this.
    /// - Returns: the streams to wake.
    /// - Complexity: O(`events.count` · log ranges + messages queued).
    package mutating func publish(_ events: [WatchEvent]) -> [WatchStreamID] {
        var start = 0
        while start < events.count {
            let main = events[start].version.modRevision
            precondition(main == self.committedRevision + 1, "revisions are published without gap")
            var end = start
            while end < events.count, events[end].version.modRevision == main {
                self.log.append(events[end].key, at: events[end].version.revision)
                end += 1
            }
            if self.syncedCount > 0 { self.fanOut(events[start..<end], at: main) }
            self.committedRevision = main
            start = end
        }
        return self.takeWakes()
    }

    /// Matches of one revision that a group keeps room for.
    private static var matchesKeptMax: Int { 16 }

    private mutating func fanOut(_ events: ArraySlice<WatchEvent>, at main: Int64) {
        for index in events.indices {
            self.scratch.found.removeAll(keepingCapacity: true)
            self.table.groups(of: events[index].key, into: &self.scratch.found)
            for group in self.scratch.found where !group.synced.isEmpty {
                if group.matches.isEmpty { self.scratch.touched.append(group) }
                group.matches.append(index)
            }
        }
        if self.scratch.touched.isEmpty { return }
        self.scratch.encodings.reset(count: events.count)
        for group in self.scratch.touched {
            self.fanOut(events, at: main, to: group)
            group.matches.removeAll(keepingCapacity: group.matches.count <= Self.matchesKeptMax)
        }
        self.scratch.touched.removeAll(keepingCapacity: true)
        self.scratch.found.removeAll(keepingCapacity: true)
    }

    /// Queues a revision for the watchers of one range; those of the same variant share a batch.
    private mutating func fanOut(
        _ events: ArraySlice<WatchEvent>,
        at main: Int64,
        to group: WatcherGroup
    ) {
        var variants = InlineArray<8, VariantBatch?>(repeating: nil)
        // Mostly all watchers of a range are of one variant: the last one's is at hand.
        var variant = -1
        var batch = VariantBatch.nothing
        // Backwards, as a watcher that leaves is replaced by the last one.
        var position = group.synced.count - 1
        while position >= 0 {
            let watcher = group.synced[position]
            position -= 1
            if main < watcher.nextRevision { continue }
            if watcher.options.variant != variant {
                variant = watcher.options.variant
                batch =
                    variants[variant]
                    ?? self.batch(of: group.matches, in: events, for: watcher.options)
                variants[variant] = batch
            }
            switch batch {
            case .nothing:
                continue
            case .notLoaded:
                self.move(watcher, to: .unsynced, from: main)
            case .events where self.isFull(watcher.stream):
                self.move(watcher, to: .unsynced, from: main)
            case .events(let encoded):
                self.sendEvents(encoded, revision: main, to: watcher)
            }
        }
    }

    private mutating func batch(
        of matches: [Int],
        in events: ArraySlice<WatchEvent>,
        for options: WatchOptions
    ) -> VariantBatch {
        let withPrevious = options.contains(.previousKV)
        var encoded: [Bytes] = []
        encoded.reserveCapacity(matches.count)
        for index in matches where options.accepts(events[index]) {
            if withPrevious, events[index].previous == .notLoaded { return .notLoaded }
            encoded.append(
                self.scratch.encodings.bytes(
                    of: events[index],
                    at: index - events.startIndex,
                    withPrevious: withPrevious,
                    encode: self.encode
                )
            )
        }
        return encoded.isEmpty ? .nothing : .events(EncodedEvents(encoded))
    }

    mutating func sendEvents(_ batch: EncodedEvents, revision: Int64, to watcher: Watcher) {
        watcher.heardEvents = true
        let load = WatchResponse.Load(
            eventCount: batch.events.count,
            byteCount: batch.byteCount
        )
        self.eventsSent += load.eventCount
        let stream = watcher.stream
        stream.outbox.append(
            .events(
                watcher.id,
                revision: revision,
                batch,
                mayFragment: watcher.options.contains(.fragment)
            ),
            load,
            batch: ObjectIdentifier(batch)
        )
        self.wake(stream)
    }
}
