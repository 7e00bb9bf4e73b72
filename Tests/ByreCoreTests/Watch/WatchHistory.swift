import ByreCore
import Testing

/// What one client saw of one watch, over all streams it was resumed on, checked as it comes
/// against everything that happened.
///
/// - Source: the guarantees, as etcd's robustness suite names them: `tests/robustness/validate`.
struct WatchHistory {
    let range: KeyRange
    let options: WatchOptions
    /// Where the watch first started.
    let start: Int64
    /// Revision and text of each event received.
    private(set) var events: [(revision: Int64, text: String)] = []
    /// The greatest revision known to be delivered wholly, by events or by a bookmark.
    private(set) var delivered: Int64
    private(set) var isCreated = false
    private(set) var isEnded = false
    private(set) var violations: [String] = []

    /// The first revision that progress may tell: no start to wait for, if none was asked for.
    private let firstProgress: Int64

    /// - Parameters:
    ///   - asked: the start revision of the request.
    ///   - committed: the tenant's revision when it was made.
    init(range: KeyRange, options: WatchOptions, asked: Int64, committed: Int64) {
        let start = asked == 0 ? committed + 1 : asked
        self.range = range
        self.options = options
        self.start = start
        self.firstProgress = asked == 0 ? committed : asked
        self.delivered = start - 1
    }

    /// Notes that the watch is asked for again, on another stream, from ``delivered`` + 1.
    mutating func resume() {
        self.isCreated = false
    }

    mutating func receive(_ response: WatchResponse, in world: WatchWorld) {
        switch response {
        case .created:
            self.check(!self.isCreated, "created twice")
            self.isCreated = true
        case .refused(let refusal, _):
            self.check(false, "refused: \(refusal.reason)")
        case .canceled:
            self.check(self.isCreated && !self.isEnded, "canceled when it was not there")
            self.isEnded = true
        case .compacted(_, let compactRevision):
            self.check(self.isCreated && !self.isEnded, "ended when it was not there")
            self.check(
                self.delivered + 1 < compactRevision,
                "Reliable: ended by compaction though nothing it needs is compacted"
            )
            self.isEnded = true
        case .events(_, let revision, let batch, _):
            self.check(self.isCreated && !self.isEnded, "events before created, or after the end")
            self.receive(batch, headerRevision: revision, in: world)
        case .progress(_, let revision):
            self.check(self.isCreated && !self.isEnded, "progress before created, or after the end")
            self.receiveProgress(revision, in: world)
        }
    }

    private mutating func receive(
        _ batch: EncodedEvents,
        headerRevision: Int64,
        in world: WatchWorld
    ) {
        var last = self.delivered
        for bytes in batch.events {
            let text = String(decoding: bytes, as: UTF8.self)
            let revision = Int64(text.prefix { $0 != " " }) ?? 0
            self.check(
                revision > self.delivered,
                "Ordered, Unique, Atomic: \(text) though \(self.delivered) was delivered wholly"
            )
            self.check(revision >= last, "Ordered: \(text) after \(last)")
            last = revision
            self.events.append((revision, text))
        }
        self.check(headerRevision >= last, "the header's revision is behind the events")
        self.delivered = last
        self.checkEvents(through: last, in: world)
    }

    private mutating func receiveProgress(_ revision: Int64, in world: WatchWorld) {
        self.check(
            revision >= self.firstProgress,
            "Bookmarkable: \(revision) is before the start (#20221)"
        )
        self.check(
            revision >= self.delivered,
            "Ordered: progress \(revision) after \(self.delivered)"
        )
        self.delivered = max(self.delivered, revision)
        self.checkEvents(through: revision, in: world)
    }

    /// How many of the world's changes are known to have been received rightly, and of `events`.
    private var checkedChanges = 0
    private var checkedEvents = 0

    /// Checks that everything up to a revision, and nothing else, has been received.
    mutating func checkEvents(through revision: Int64, in world: WatchWorld) {
        while self.checkedChanges < world.changes.count {
            let change = world.changes[self.checkedChanges]
            let main = change.version.modRevision
            if main > revision { break }
            self.checkedChanges += 1
            if main < self.start || !self.wants(change) { continue }
            let expected = change.text(withPrevious: self.options.contains(.previousKV))
            guard self.checkedEvents < self.events.count else {
                self.check(false, "Reliable, Resumable: \(expected) is missing at \(revision)")
                return
            }
            let text = self.events[self.checkedEvents].text
            self.checkedEvents += 1
            if text == expected { continue }
            // The revision before was compacted: then, and only then, etcd leaves it out.
            let mayLackPrevious = main <= world.hub.compactRevision
            self.check(
                mayLackPrevious && text == change.text(withPrevious: false),
                "Reliable, PrevKV, Filter: \(text) instead of \(expected)"
            )
        }
        self.check(
            self.checkedEvents == self.events.count,
            "Filter: more events than wanted, \(self.events.last?.text ?? "")"
        )
    }

    private func wants(_ change: WatchWorld.Change) -> Bool {
        self.range.contains(Bytes(change.key.utf8))
            && !self.options.contains(change.value == nil ? .noDelete : .noPut)
    }

    private mutating func check(_ holds: Bool, _ violation: String) {
        if !holds { self.violations.append(violation) }
    }
}
