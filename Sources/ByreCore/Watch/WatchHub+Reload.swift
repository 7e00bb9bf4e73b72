extension WatchHub {
    /// Goes on at a later revision whose history was not published step by step: what lies between is in
    /// `log`, unless it is compacted.
    ///
    /// Whoever is on the live path catches up from where it was; a watcher that needs what is compacted
    /// ends as such, when its turn comes.
    /// - Parameter log: what changed at each revision that is not compacted.
    /// - Complexity: O(watchers).
    package mutating func reload(at revision: Int64, compactRevision: Int64, log: RevisionLog) {
        precondition(revision >= self.committedRevision, "revisions do not fall")
        let next = self.committedRevision + 1
        self.log = log
        self.committedRevision = revision
        self.compact(to: compactRevision)
        guard revision >= next else { return }
        for stream in self.streams.all.sorted(by: { $0.id.serial < $1.id.serial }) {
            let watchers = stream.watchers.values.filter {
                $0.state == .synced && $0.nextRevision <= revision
            }
            for watcher in watchers.sorted(by: { $0.id < $1.id }) {
                self.move(watcher, to: .unsynced, from: max(watcher.nextRevision, next))
            }
        }
    }
}
