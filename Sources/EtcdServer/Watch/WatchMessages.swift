import ByreCore
import GRPC

/// The last messages with events that streams of one tenant were sent, for those that are sent the same.
///
/// A message holds, beside the events, its revision and the id of its watch. Most clients have one watch
/// on a stream, whose id is 0, and those with several have the same few ids; so a commit that many
/// watch is mostly one message, or a few, for all of them.
struct WatchMessages {
    /// How many are kept; then the oldest gives way.
    private static let countMax = 16

    private struct Entry {
        let batch: EncodedEvents
        let id: WatchID
        let revision: Int64
        let message: FramedMessage
    }

    private var entries: [Entry] = []
    private var oldest = 0
    /// Where the next one is looked for first: streams have the same watches in the same order.
    private var next = 0
    private let isShared: Bool

    /// - Parameter streams: how many will be sent something; one alone shares nothing.
    init(streams: Int) {
        self.isShared = streams > 1
    }

    /// The message with these events, made if it is not at hand.
    mutating func message(
        of batch: EncodedEvents,
        for id: WatchID,
        at revision: Int64,
        make: () -> FramedMessage
    ) -> FramedMessage {
        guard self.isShared else { return make() }
        for step in self.entries.indices {
            var place = self.next + step
            if place >= self.entries.count { place -= self.entries.count }
            guard self.entries[place].batch === batch, self.entries[place].id == id,
                self.entries[place].revision == revision
            else { continue }
            self.next = place + 1 == self.entries.count ? 0 : place + 1
            return self.entries[place].message
        }
        let entry = Entry(batch: batch, id: id, revision: revision, message: make())
        self.next = 0
        guard self.entries.count == Self.countMax else {
            self.entries.append(entry)
            return entry.message
        }
        self.entries[self.oldest] = entry
        self.oldest = (self.oldest + 1) % Self.countMax
        return entry.message
    }
}
