extension WatchHub {
    /// Goes on at the revision of an import, with all that is older compacted. Whoever came to watch
    /// meanwhile saw a tenant of another history: their watchers end as compacted.
    /// - Parameter log: what changed at that revision: a watcher may start there.
    /// - Precondition: nothing was published before.
    package mutating func begin(at revision: Int64, log: RevisionLog) {
        precondition(revision >= self.committedRevision, "revisions do not fall")
        self.log = log
        self.committedRevision = revision
        if revision > 1 { self.compact(to: revision) }
        for stream in self.streams.all {
            for watcher in Array(stream.watchers.values) where watcher.state != .ended {
                self.endCompacted(watcher)
            }
        }
    }
}
