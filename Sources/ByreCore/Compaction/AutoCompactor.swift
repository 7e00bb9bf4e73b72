/// When a tenant's history is compacted without being asked.
package enum AutoCompaction: Hashable, Sendable {
    /// Keeps what is younger than this many nanoseconds.
    case periodic(retentionNanoseconds: Int64)
    /// Keeps this many revisions.
    case revision(retention: Int64)
}

/// Decides when one tenant is compacted automatically, and up to where.
///
/// *Periodic* samples the revision ten times in min(retention, 1 h); once it has run for the retention,
/// it compacts the revision seen that long ago every min(retention, 1 h). *Revision* compacts to
/// the newest revision less the retention every five minutes.
/// - Source: etcd `server/etcdserver/api/v3compactor/periodic.go`, `revision.go`.
package struct AutoCompactor: Sendable {
    private static let hour: Int64 = 3_600_000_000_000
    private static let revisionInterval: Int64 = 300_000_000_000
    private static let samplesPerInterval: Int64 = 10

    private let policy: AutoCompaction
    private var samples: [(at: Int64, revision: Int64)] = []
    private var nextSample: Int64
    private var nextCompaction: Int64
    private var compacted: Int64 = 0

    package init(_ policy: AutoCompaction, now: Int64) {
        self.policy = policy
        self.nextSample = now
        switch policy {
        case .periodic(let retention): self.nextCompaction = now + retention
        case .revision: self.nextCompaction = now + Self.revisionInterval
        }
    }

    /// The revision to compact at now, or nil. Called as often as one likes.
    package mutating func due(revision: Int64, now: Int64) -> Int64? {
        switch self.policy {
        case .revision(let retention):
            guard now >= self.nextCompaction else { return nil }
            self.nextCompaction = now + Self.revisionInterval
            return self.take(revision - retention)
        case .periodic(let retention):
            let interval = min(retention, Self.hour)
            if now >= self.nextSample {
                self.nextSample = now + max(interval / Self.samplesPerInterval, 1)
                self.samples.append((now, revision))
            }
            guard now >= self.nextCompaction else { return nil }
            self.nextCompaction = now + interval
            // The newest sample that is old enough; the ones before it are not needed any more.
            guard let last = self.samples.lastIndex(where: { $0.at <= now - retention }) else {
                return nil
            }
            let target = self.samples[last].revision
            self.samples.removeFirst(last)
            return self.take(target)
        }
    }

    private mutating func take(_ target: Int64) -> Int64? {
        guard target > 0, target > self.compacted else { return nil }
        self.compacted = target
        return target
    }
}
