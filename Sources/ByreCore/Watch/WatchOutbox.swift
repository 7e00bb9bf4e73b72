import DequeModule

/// What a stream still has to send, in order.
///
/// Events that several watchers of the stream share are charged once: the charge sits on the last
/// message of a run that holds the same batch, so that it is released with the bytes.
struct WatchOutbox {
    private struct Entry {
        let response: WatchResponse
        var charge: Int
        let load: WatchResponse.Load
    }

    /// Messages kept room for in an outbox that ran empty.
    private static let idleCapacity = 32

    /// The next message. Mostly it is the only one, which is then no further away than the stream.
    private var first: Entry?
    /// Those after it.
    private var rest: Deque<Entry> = []
    /// Most messages there were in `rest` since the outbox last ran empty.
    private var peak = 0
    /// Memory held by what waits.
    private(set) var bytes = 0
    /// Events in what waits.
    private(set) var eventCount = 0
    /// The batch of the last message, while that waits.
    private var lastBatch: ObjectIdentifier?

    init() {}

    var isEmpty: Bool { self.first == nil }

    /// - Parameters:
    ///   - load: what it carries.
    ///   - batch: the batch of events that is in it; nil when there are none.
    mutating func append(
        _ response: consuming WatchResponse,
        _ load: WatchResponse.Load,
        batch: ObjectIdentifier?
    ) {
        if let batch, batch == self.lastBatch { self.releaseLastBatch() }
        self.lastBatch = batch
        self.eventCount += load.eventCount
        let charge = WatchResponse.overheadBytes + load.byteCount
        self.bytes += charge
        let entry = Entry(response: response, charge: charge, load: load)
        if self.first == nil {
            self.first = entry
        } else {
            self.rest.append(entry)
            self.peak = max(self.peak, self.rest.count)
        }
    }

    /// Takes the charge of its events off the last message; the next one bears it.
    private mutating func releaseLastBatch() {
        let place = self.rest.count - 1
        guard let load = place < 0 ? self.first?.load : self.rest[place].load else { return }
        self.bytes -= load.byteCount
        if place < 0 {
            self.first?.charge -= load.byteCount
        } else {
            self.rest[place].charge -= load.byteCount
        }
    }

    /// Moves messages from the front to the end of `responses`: at least one, and until they come
    /// to `bytesMax` on the wire.
    /// - Complexity: O(messages moved).
    mutating func take(bytesMax: Int, into responses: inout [WatchResponse]) {
        var taken = 0
        while taken < bytesMax || taken == 0, let entry = self.first.take() {
            if !self.rest.isEmpty { self.first = self.rest.popFirst() }
            taken += WatchResponse.overheadBytes + entry.load.byteCount
            self.bytes -= entry.charge
            self.eventCount -= entry.load.eventCount
            responses.append(entry.response)
        }
        if self.first == nil {
            if self.peak > Self.idleCapacity { self.rest = [] }
            self.peak = 0
            self.lastBatch = nil
        }
    }
}
