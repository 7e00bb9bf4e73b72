import DequeModule

/// What a stream still has to send, in order.
///
/// Events that several watchers of the stream share are charged once: the charge sits on the last
/// message of a run that holds the same batch, so that it is released with the bytes.
struct WatchOutbox {
    private struct Entry {
        var response: WatchResponse
        var charge: Int
    }

    /// Messages kept room for in an outbox that ran empty.
    private static let idleCapacity = 32

    private var entries: Deque<Entry> = []
    /// Most messages there were since the outbox last ran empty.
    private var peak = 0
    /// Memory held by what waits.
    private(set) var bytes = 0
    /// Events in what waits.
    private(set) var eventCount = 0
    /// The batch of the last message, while that waits.
    private var lastBatch: ObjectIdentifier?

    init() {}

    var isEmpty: Bool { self.entries.isEmpty }

    mutating func append(_ response: consuming WatchResponse) {
        let (eventCount, byteCount, batch) = response.load
        if let batch, batch == self.lastBatch {
            self.entries[self.entries.count - 1].charge -= byteCount
            self.bytes -= byteCount
        }
        self.lastBatch = batch
        self.eventCount += eventCount
        let charge = WatchResponse.overheadBytes + byteCount
        self.bytes += charge
        self.entries.append(Entry(response: response, charge: charge))
        self.peak = max(self.peak, self.entries.count)
    }

    /// Moves messages from the front to the end of `responses`: at least one, and until they come
    /// to `bytesMax` on the wire.
    /// - Complexity: O(messages moved).
    mutating func take(bytesMax: Int, into responses: inout [WatchResponse]) {
        var taken = 0
        while taken < bytesMax || taken == 0, let entry = self.entries.popFirst() {
            let (eventCount, byteCount, _) = entry.response.load
            taken += WatchResponse.overheadBytes + byteCount
            self.bytes -= entry.charge
            self.eventCount -= eventCount
            responses.append(entry.response)
        }
        if self.entries.isEmpty, self.peak > 0 {
            if self.peak > Self.idleCapacity { self.entries = [] }
            self.peak = 0
            self.lastBatch = nil
        }
    }
}
