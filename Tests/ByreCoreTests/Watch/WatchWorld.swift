import ByreCore
import Synchronization
import Testing

/// A tenant in miniature around a ``WatchHub``: all of its history, and the parts of the driver
/// that commit, load and drain.
///
/// Keys and values are text, and so are encoded events: `3 PUT a=1 was 0`, `4 DEL a`.
final class WatchWorld {
    /// What a transaction does to one key: a value, or nil to delete.
    typealias Write = (key: String, value: String?)

    struct Change {
        var key: String
        var value: String?
        var version: Version
        /// The key's version and value at the revision before.
        var previous: KeyValue?

        /// The event as a watcher gets it.
        func text(withPrevious: Bool) -> String {
            var text = "\(self.version.modRevision) "
            text += self.value.map { "PUT \(self.key)=\($0)" } ?? "DEL \(self.key)"
            if withPrevious, let value = self.previous?.value {
                text += " was \(String(decoding: value, as: UTF8.self))"
            }
            return text
        }
    }

    var hub: WatchHub
    private(set) var changes: [Change] = []
    /// Where in `changes` each is.
    private var places: [Revision: Int] = [:]
    private var live: [String: KeyValue] = [:]
    var now: Duration = .zero
    /// Slices on their way from the backend, with what it will answer.
    var slices: [(slice: CatchUpSlice, events: [WatchEvent])] = []
    /// Streams woken and not drained to the end since.
    private(set) var awake: Set<WatchStreamID> = []
    /// How often an event was encoded.
    let encodings = Counter()

    init(limits: WatchLimits = WatchLimits()) {
        let encodings = self.encodings
        self.hub = WatchHub(committedRevision: 1, compactRevision: -1, limits: limits) {
            event,
            withPrevious in
            encodings.increment()
            var previous: KeyValue?
            if case .known(let known) = event.previous { previous = known }
            let change = Change(
                key: String(decoding: event.key, as: UTF8.self),
                value: event.isDelete ? nil : String(decoding: event.value, as: UTF8.self),
                version: event.version,
                previous: previous
            )
            return Bytes(change.text(withPrevious: withPrevious).utf8)
        }
    }

    /// Opens a stream of event loop 0.
    func open(progressInterval: Duration = .seconds(1)) throws -> WatchStreamID {
        let stream = self.hub.openStream(
            loop: 0,
            progressInterval: progressInterval,
            now: self.now
        )
        return try #require(stream)
    }

    // MARK: Writing

    /// Commits some transactions in one batch, a revision each, and publishes them.
    /// - Parameter missesPrevious: whether the committer has asked for a previous value too early, and
    ///   not loaded what a watcher created since then needs.
    func commit(_ transactions: [[Write]], missesPrevious: () -> Bool = { false }) {
        var events: [WatchEvent] = []
        for (index, writes) in transactions.enumerated() {
            let main = self.hub.committedRevision + 1 + Int64(index)
            let before = self.live
            for (sub, write) in writes.enumerated() {
                let change = self.apply(write, at: Revision(main: main, sub: UInt32(sub)), before)
                self.places[change.version.revision] = self.changes.count
                self.changes.append(change)
                let key = Bytes(write.key.utf8)
                var event = self.event(of: change)
                if change.previous != nil,
                    !self.hub.needsPreviousValue(of: key) || missesPrevious()
                {
                    event.previous = .notLoaded
                }
                events.append(event)
            }
        }
        self.wake(self.hub.publish(events))
    }

    private func apply(
        _ write: Write,
        at revision: Revision,
        _ before: [String: KeyValue]
    ) -> Change {
        let row = RowID(rawValue: Int64(self.changes.count) + 1)
        var version = Version.tombstone(at: revision, row: row)
        if write.value != nil {
            let old = self.live[write.key]?.version
            version.createRevision = old?.createRevision ?? revision.main
            version.version = (old?.version ?? 0) + 1
        }
        self.live[write.key] = write.value.map {
            KeyValue(key: Bytes(write.key.utf8), version: version, value: Bytes($0.utf8))
        }
        return Change(
            key: write.key,
            value: write.value,
            version: version,
            previous: before[write.key]
        )
    }

    private func event(of change: Change) -> WatchEvent {
        WatchEvent(
            key: Bytes(change.key.utf8),
            version: change.version,
            value: Bytes((change.value ?? "").utf8),
            previous: change.previous.map { .known($0) } ?? .none
        )
    }

    // MARK: Catching up

    /// Lets the worker take one step; a slice to load is looked up at once and kept in `slices`.
    /// - Returns: whether there was something to do.
    func step(bytesMax: Int? = nil) -> Bool {
        switch self.hub.nextCatchUp() {
        case .idle: return false
        case .advanced: break
        case .load(var slice):
            if let bytesMax {
                slice.truncate(bytesMax: bytesMax) { $1.key.count + 8 }
            }
            let events = slice.entries.map { entry in
                guard let index = self.places[entry.revision] else {
                    preconditionFailure("the log holds what never was")
                }
                let change = self.changes[index]
                var event = self.event(of: change)
                if !slice.wantsPrevious(of: entry) { event.previous = .notLoaded }
                return event
            }
            self.slices.append((slice, events))
        }
        self.wake(self.hub.takeWakes())
        return true
    }

    /// Hands a loaded slice over.
    func deliver(_ index: Int) {
        let (slice, events) = self.slices.remove(at: index)
        self.wake(self.hub.deliver(events, for: slice))
    }

    // MARK: Draining

    func wake(_ streams: [WatchStreamID]) {
        for stream in streams {
            let isNew = self.awake.insert(stream).inserted
            precondition(isNew, "a stream that is awake is not woken")
        }
    }

    /// Drains a stream that is awake.
    func take(_ stream: WatchStreamID, bytesMax: Int = .max) -> [WatchResponse] {
        var responses: [WatchResponse] = []
        let isMore = self.hub.take(from: stream, bytesMax: bytesMax, into: &responses)
        if isMore {
            self.awake.insert(stream)
        } else {
            self.awake.remove(stream)
        }
        return responses
    }
}

/// Counts calls from a closure that may not capture a variable.
final class Counter: Sendable {
    private let value = Mutex(0)

    func increment() { self.value.withLock { $0 += 1 } }
    var count: Int { self.value.withLock { $0 } }
}
