extension WatchHub {
    /// Goes on at the revision of an import, with all that is older compacted.
    /// - Parameter log: what changed at that revision: a watcher may start there.
    /// - Precondition: not ``isWatched``; nothing was published before.
    package mutating func begin(at revision: Int64, log: RevisionLog) {
        precondition(!self.isWatched, "nobody watches a tenant that is being imported")
        precondition(revision >= self.committedRevision, "revisions do not fall")
        self.log = log
        self.committedRevision = revision
        if revision > 1 { self.compact(to: revision) }
    }
}
