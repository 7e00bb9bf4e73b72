import ByreCore
import Engine

/// The handlers of one tenant's watch streams on one event loop, and what draining them shares.
///
/// Confined to the loop.
final class WatchHandlers {
    /// Bytes taken from a stream's outbox at a time.
    private static let takeBytesMax = 256 << 10
    /// Streams that are drained under one hold of the tenant's lock.
    private static let drainedTogetherMax = 128
    /// Responses of a drain whose places are kept allocated.
    private static let responsesKeptMax = 512

    /// By the slots of their streams.
    @exclusivity(unchecked) private var bySlot: [WatchHandler?] = []
    /// Memory of a drain, kept for the next one.
    @exclusivity(unchecked) private var drains: [Drain] = []
    @exclusivity(unchecked) private var responses: [WatchResponse] = []

    /// One stream's part of a drain.
    private struct Drain {
        let handler: WatchHandler
        let stream: WatchStreamID
        /// Where its responses end; they begin where those before it end.
        var end = 0
        var hasMore = false
    }

    func add(_ handler: WatchHandler, for stream: WatchStreamID) {
        let slot = Int(stream.slot)
        while self.bySlot.count <= slot { self.bySlot.append(nil) }
        self.bySlot[slot] = handler
    }

    func remove(_ handler: WatchHandler, of stream: WatchStreamID) {
        // The hub may have closed the stream by itself, and given the slot to another.
        guard self.bySlot[Int(stream.slot)] === handler else { return }
        self.bySlot[Int(stream.slot)] = nil
    }

    /// The handler of a stream; nil if it ended meanwhile.
    private func handler(of stream: WatchStreamID) -> WatchHandler? {
        let slot = Int(stream.slot)
        guard slot < self.bySlot.count, let handler = self.bySlot[slot], handler.stream == stream
        else { return nil }
        return handler
    }

    /// Sends what the hub has for each of these streams, until its connection is behind.
    func drain(_ streams: [WatchStreamID]) {
        var messages = WatchMessages(streams: streams.count)
        var streams = streams[...]
        while !streams.isEmpty {
            var rest: [WatchStreamID] = []
            self.drainTogether(streams.prefix(Self.drainedTogetherMax), &messages, rest: &rest)
            streams = streams.dropFirst(Self.drainedTogetherMax)
            while !rest.isEmpty {
                let again = rest
                rest = []
                self.drainTogether(again[...], &messages, rest: &rest)
            }
        }
    }

    /// Takes once from the outbox of each stream that has room for more, and sends that.
    /// - Parameter rest: gets the streams of which something is left.
    private func drainTogether(
        _ streams: ArraySlice<WatchStreamID>,
        _ messages: inout WatchMessages,
        rest: inout [WatchStreamID]
    ) {
        var drains: [Drain] = []
        var responses: [WatchResponse] = []
        swap(&drains, &self.drains)
        swap(&responses, &self.responses)
        for stream in streams {
            guard let handler = self.handler(of: stream), handler.hasRoom else { continue }
            drains.append(Drain(handler: handler, stream: stream))
        }
        drains.first?.handler.tenant.withHub { hub in
            for place in drains.indices {
                drains[place].hasMore = hub.take(
                    from: drains[place].stream,
                    bytesMax: Self.takeBytesMax,
                    into: &responses
                )
                drains[place].end = responses.count
            }
        }
        var start = 0
        for drain in drains {
            for place in start..<drain.end {
                drain.handler.send(responses[place], sharing: &messages)
            }
            start = drain.end
            if drain.hasMore { rest.append(drain.stream) }
        }
        drains.removeAll(keepingCapacity: true)
        responses.removeAll(keepingCapacity: responses.count <= Self.responsesKeptMax)
        self.drains = drains
        self.responses = responses
    }
}
