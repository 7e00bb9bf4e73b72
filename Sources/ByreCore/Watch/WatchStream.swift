/// One open Watch call: its watchers and the outbox that orders what it sends.
///
/// Belongs to the ``WatchHub`` and is touched under its lock only.
final class WatchStream {
    let id: WatchStreamID
    var watchers: [WatchID: Watcher] = [:]
    /// Watchers that catch up, in no order.
    @exclusivity(unchecked) private(set) var unsynced: [Watcher] = []
    /// Where in `unsynced` the next turn is.
    private var turn = 0
    /// How many of `watchers` are on the live path.
    var syncedCount = 0
    /// Where the search for an automatic id starts; it only grows.
    private var nextID: Int64 = 0
    @exclusivity(unchecked) var outbox = WatchOutbox()
    /// Whether its loop has been told, or knows by itself, that the outbox holds something.
    @exclusivity(unchecked) var isAwake = false
    /// Whether one of its watchers waits for a catch-up slice.
    ///
    /// A stream has one at a time, so that its outbox is passed by one batch at most.
    @exclusivity(unchecked) var isLoading = false
    /// Whether it stands in the hub's queue for a catch-up slice.
    @exclusivity(unchecked) var isQueued = false
    @exclusivity(unchecked) var isClosed = false
    /// How many of `watchers` asked for periodic progress.
    var progressWatchers = 0
    let progressInterval: Duration
    var progressDue: Duration

    init(id: WatchStreamID, progressInterval: Duration, progressDue: Duration) {
        self.id = id
        self.progressInterval = progressInterval
        self.progressDue = progressDue
    }

    /// Picks the id of a new watcher: the next number not in use.
    ///
    /// An automatic id is not given twice.
    /// - Complexity: O(1), amortized over the ids that clients chose.
    func pickID() -> WatchID {
        while self.watchers[WatchID(rawValue: self.nextID)] != nil { self.nextID += 1 }
        let id = WatchID(rawValue: self.nextID)
        self.nextID += 1
        return id
    }

    func addUnsynced(_ watcher: Watcher) {
        watcher.streamPosition = self.unsynced.count
        self.unsynced.append(watcher)
    }

    func removeUnsynced(_ watcher: Watcher) {
        let position = watcher.streamPosition
        self.unsynced.swapAt(position, self.unsynced.count - 1)
        self.unsynced[position].streamPosition = position
        self.unsynced.removeLast()
    }

    /// The watcher that catches up next: each in turn.
    ///
    /// `unsynced` is not empty.
    func nextUnsynced() -> Watcher {
        if self.turn >= self.unsynced.count { self.turn = 0 }
        defer { self.turn += 1 }
        return self.unsynced[self.turn]
    }
}
