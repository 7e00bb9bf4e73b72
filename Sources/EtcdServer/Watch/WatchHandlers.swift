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
    @exclusivity(unchecked) private var scratch = Scratch()

    private struct Scratch {
        var handlers: [WatchHandler] = []
        var responses: [WatchResponse] = []
        /// Where the responses of each handler end; they begin where those of the one before it end.
        var ends: [Int] = []
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
        var scratch = Scratch()
        swap(&scratch, &self.scratch)
        for stream in streams {
            guard let handler = self.handler(of: stream), handler.hasRoom else { continue }
            scratch.handlers.append(handler)
        }
        scratch.handlers.first?.tenant.withHub { hub in
            for handler in scratch.handlers {
                if let stream = handler.stream,
                    hub.take(
                        from: stream,
                        bytesMax: Self.takeBytesMax,
                        into: &scratch.responses
                    )
                {
                    rest.append(stream)
                }
                scratch.ends.append(scratch.responses.count)
            }
        }
        var next = 0
        for (handler, end) in zip(scratch.handlers, scratch.ends) {
            while next < end {
                handler.send(scratch.responses[next], sharing: &messages)
                next += 1
            }
        }
        scratch.handlers.removeAll(keepingCapacity: true)
        scratch.responses.removeAll(
            keepingCapacity: scratch.responses.count <= Self.responsesKeptMax
        )
        scratch.ends.removeAll(keepingCapacity: true)
        self.scratch = scratch
    }
}
