/// Opens watches, writes below them at a fixed rate, and measures how late each event comes.
///
/// The value of a write begins with the time at which it was to be sent, so an event's latency counts
/// from there, the write's own way included.
package final class WatchDriver: Driver, CallOwner {
    /// What is watched.
    package struct Watches: Sendable {
        package var connections = 1
        /// Streams of all connections.
        package var streams = 1
        /// Watches on each stream.
        package var watchesPerStream = 1
        /// The revision to watch from; 0 is now.
        package var from: Int64 = 0

        package init() {}
        package var count: Int { self.streams * self.watchesPerStream }
    }

    private let watches: Watches
    private let keys: Keys
    private let writer: LoadDriver?
    private var calls: [Call] = []
    private var links = 0
    private var writerLinks: Set<ObjectIdentifier> = []
    private var isReady = false
    /// When the run ends though events are missing.
    private var deadline = UInt64.max
    private var expected = Int.max
    private var writing = false

    package private(set) var created = 0
    /// Nanoseconds from the first create request to the last confirmation.
    package private(set) var creation: UInt64 = 0
    private var createdFrom: UInt64 = 0
    package private(set) var recorder = Recorder(kinds: 1)
    package private(set) var events = 0
    package private(set) var lastEvent: UInt64 = 0
    package private(set) var failure: String?

    /// - Parameter writer: keeps writing while events are measured; nil when there are events already.
    package init(_ watches: Watches, _ keys: Keys, writer: LoadDriver?) {
        self.watches = watches
        self.keys = keys
        self.writer = writer
    }

    /// Connects; the worker's next run ends when all watches are confirmed, unless there is history
    /// to be sent, which is measured at once.
    package func connect(_ worker: Worker, to target: Target) throws(Failure) {
        var links: [Link] = []
        for _ in 0..<self.watches.connections { links.append(try Link(to: target, of: worker)) }
        self.links = links.count
        for stream in 0..<self.watches.streams {
            let call = Call(link: links[stream % links.count], lane: stream, owner: self)
            call.method = .watch
            call.isUnary = false
            var create: [UInt8] = []
            Requests.watch(
                self.keys.prefix,
                end: self.keys.end,
                from: self.watches.from,
                into: &create
            )
            for _ in 0..<self.watches.watchesPerStream { call.request += create }
            self.calls.append(call)
        }
    }

    /// The worker's next run lasts until so many events came, or until `deadline`.
    package func begin(window: Range<UInt64>, expected: Int, deadline: UInt64) {
        self.isReady = true
        self.recorder.window = window
        self.expected = expected
        self.deadline = deadline
        self.writing = self.writer != nil
    }

    package func tick(_ now: UInt64) -> UInt64? {
        if self.failure != nil { return nil }
        guard self.isReady else { return self.created == self.watches.count ? nil : .max }
        if self.createdFrom == 0 && self.links == 0 { self.open(now) }
        var next = self.deadline
        if self.writing, let writer = self.writer {
            if let due = writer.tick(now) {
                next = min(next, due)
            } else {
                self.writing = false
                self.failure = writer.failure
                // Each write that succeeded at any time has an event for each watch.
                self.expected = writer.allSucceeded * self.watches.count
            }
        }
        if now >= self.deadline || (!self.writing && self.events >= self.expected) { return nil }
        return next
    }

    private func open(_ now: UInt64) {
        self.createdFrom = now
        for call in self.calls where !call.link.start(call) {
            self.failure = call.link.failure ?? "the connection takes no more streams"
        }
    }

    package func opened(_ link: Link) {
        if self.writer?.owns(link) == true {
            self.writer?.opened(link)
            return
        }
        self.links -= 1
        if self.links == 0 && !self.isReady { self.open(Monotonic.now) }
    }

    package func dropped(_ link: Link) {
        if let reason = link.failure { self.failure = self.failure ?? reason }
    }

    package func received(_ message: UnsafeRawBufferPointer, _ call: Call) {
        let now = call.link.readTime
        let watched = Answers.watch(message) { value in
            self.events += 1
            guard value.count >= 8 else { return }
            let due = UInt64(littleEndian: value.loadUnaligned(as: UInt64.self))
            self.recorder.record(
                0,
                .succeeded,
                from: due,
                to: now,
                counted: self.recorder.window.contains(due)
            )
        }
        if watched.events > 0 { self.lastEvent = now }
        if watched.isCreated {
            self.created += 1
            self.creation = now - self.createdFrom
        }
        if watched.isCanceled { self.failure = "a watch was canceled" }
    }

    package func ended(_ call: Call) {
        guard call.link.state != .closed || call.link.failure != nil else { return }
        self.failure = self.failure ?? "a watch ended: status \(call.status ?? -1) \(call.problem)"
    }
}
