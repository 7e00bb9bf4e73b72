/// When a tenant's history is compacted without being asked. A retention of 0 is never.
package enum AutoCompaction: Hashable, Sendable {
    /// Keeps what is younger than this many nanoseconds.
    case periodic(retentionNanoseconds: Int64)
    /// Keeps this many revisions.
    case revision(retention: Int64)

    /// Whether it compacts at all.
    package var isOn: Bool {
        switch self {
        case .periodic(let retention), .revision(let retention): retention > 0
        }
    }
}

/// Decides when one tenant is compacted automatically, and up to where.
///
/// *Periodic* samples the revision ten times in min(retention, 1 h); once it has run for the retention,
/// it compacts the revision seen that long ago every min(retention, 1 h). *Revision* compacts to
/// the newest revision less the retention every five minutes. A compaction that is asked for and does
/// not come about, since its commit failed, is asked for again after a tenth of either interval.
/// - Source: etcd `server/etcdserver/api/v3compactor/periodic.go`, `revision.go`.
package struct AutoCompactor: Sendable {
    private static let hour: Int64 = 3_600_000_000_000
    private static let revisionInterval: Int64 = 300_000_000_000
    private static let partsOfInterval: Int64 = 10

    package let policy: AutoCompaction
    /// In order; the first is the newest that is as old as the retention, if one is.
    private var samples: [(at: Int64, revision: Int64)] = []
    private var nextSample: Int64
    private var nextCompaction: Int64
    /// What was asked for last, while it has not been seen to be done.
    private var pending: (target: Int64, retryAt: Int64)?

    package init(_ policy: AutoCompaction, now: Int64) {
        self.policy = policy
        self.nextSample = now
        switch policy {
        case .periodic(let retention): self.nextCompaction = now + retention
        case .revision: self.nextCompaction = now + Self.revisionInterval
        }
    }

    /// The revision to compact at now, or nil. Called as often as one likes.
    /// - Parameters:
    ///   - revision: the tenant's newest.
    ///   - compactRevision: up to where it is compacted.
    package mutating func due(revision: Int64, compactRevision: Int64, now: Int64) -> Int64? {
        guard self.policy.isOn else { return nil }
        self.sample(revision, now: now)
        if let pending {
            guard compactRevision < pending.target else {
                self.pending = nil
                return nil
            }
            guard now >= pending.retryAt else { return nil }
            self.pending = (pending.target, now + self.part)
            return pending.target
        }
        guard now >= self.nextCompaction else { return nil }
        self.nextCompaction = now + self.interval
        guard let target = self.target(revision, now: now), target > max(compactRevision, 0) else {
            return nil
        }
        self.pending = (target, now + self.part)
        return target
    }

    private var interval: Int64 {
        switch self.policy {
        case .periodic(let retention): min(retention, Self.hour)
        case .revision: Self.revisionInterval
        }
    }

    private var part: Int64 { max(self.interval / Self.partsOfInterval, 1) }

    private mutating func sample(_ revision: Int64, now: Int64) {
        guard case .periodic(let retention) = self.policy, now >= self.nextSample else { return }
        self.nextSample = now + self.part
        self.samples.append((now, revision))
        let old = self.samples.lastIndex { $0.at <= now - retention }
        if let old { self.samples.removeFirst(old) }
    }

    private func target(_ revision: Int64, now: Int64) -> Int64? {
        switch self.policy {
        case .revision(let retention): revision - retention
        case .periodic(let retention):
            self.samples.last { $0.at <= now - retention }?.revision
        }
    }
}
