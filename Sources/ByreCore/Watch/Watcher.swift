/// One watch of one stream.
///
/// Belongs to the ``WatchHub`` and is touched under its lock only.
final class Watcher {
    enum State {
        /// On the live path: everything committed is in the outbox already.
        case synced
        /// Catching up from `nextRevision`.
        case unsynced
        /// Ended by compaction or cancellation.
        ///
        /// After compaction the stream still knows the id, until the client cancels it.
        case ended
    }

    let id: WatchID
    let stream: WatchStream
    /// Not to be used once the watcher has ended.
    unowned let group: WatcherGroup
    /// What the client asked for: no progress is told before it is reached.
    /// - See: etcd #20221.
    let startRevision: Int64
    let options: WatchOptions
    @exclusivity(unchecked) var state: State
    /// Events from here on are not in the outbox yet.
    ///
    /// On the live path it matters only while it is in the future.
    @exclusivity(unchecked) var nextRevision: Int64
    /// Index in `group.synced` or `group.unsynced`.
    var groupPosition = 0
    /// Index in `stream.unsynced`.
    var streamPosition = 0
    /// Whether the next periodic progress is left out, events having told the revision.
    @exclusivity(unchecked) var heardEvents = false

    init(
        id: WatchID,
        stream: WatchStream,
        group: WatcherGroup,
        startRevision: Int64,
        options: WatchOptions,
        state: State,
        nextRevision: Int64
    ) {
        self.id = id
        self.stream = stream
        self.group = group
        self.startRevision = startRevision
        self.options = options
        self.state = state
        self.nextRevision = nextRevision
    }
}

/// All watchers of one range.
///
/// Belongs to the ``WatchHub``, for as long as it has members.
final class WatcherGroup {
    let range: KeyRange
    @exclusivity(unchecked) private(set) var synced: [Watcher] = []
    private(set) var unsynced: [Watcher] = []
    /// How many of `synced` want previous versions.
    private(set) var syncedWithPrevious = 0
    /// While a revision is published: which of its events are in the range, ascending.
    @exclusivity(unchecked) var matches: [Int] = []

    init(range: KeyRange) {
        self.range = range
    }

    var isEmpty: Bool { self.synced.isEmpty && self.unsynced.isEmpty }

    /// Takes a watcher into the list of its state.
    func add(_ watcher: Watcher) {
        switch watcher.state {
        case .synced:
            watcher.groupPosition = self.synced.count
            self.synced.append(watcher)
            if watcher.options.contains(.previousKV) { self.syncedWithPrevious += 1 }
        case .unsynced:
            watcher.groupPosition = self.unsynced.count
            self.unsynced.append(watcher)
        case .ended:
            preconditionFailure("an ended watcher is in no group")
        }
    }

    /// Takes a watcher out of the list of its state; the list's last one takes its place.
    func remove(_ watcher: Watcher) {
        let position = watcher.groupPosition
        switch watcher.state {
        case .synced:
            self.synced.swapAt(position, self.synced.count - 1)
            self.synced[position].groupPosition = position
            self.synced.removeLast()
            if watcher.options.contains(.previousKV) { self.syncedWithPrevious -= 1 }
        case .unsynced:
            self.unsynced.swapAt(position, self.unsynced.count - 1)
            self.unsynced[position].groupPosition = position
            self.unsynced.removeLast()
        case .ended:
            preconditionFailure("an ended watcher is in no group")
        }
    }

    /// Lets go of all members, which refer back.
    func dissolve() {
        self.synced = []
        self.unsynced = []
    }
}
