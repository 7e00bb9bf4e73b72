package import ByreCore

/// etcd's pair of flags for compacting without being asked.
package enum AutoCompactionMode: String, FlagChoice {
    case periodic
    case revision

    /// Reads what `--auto-compaction-retention` says in this mode; 0 is off, and a plain number of
    /// the periodic mode counts hours.
    ///
    /// Source: etcd `server/embed/etcd.go`, `parseCompactionRetention`.
    package func compaction(retention: String) throws(FlagValueError) -> AutoCompaction? {
        switch self {
        case .revision:
            guard let count = Int64(retention), count >= 0 else {
                throw FlagValueError("is not a number of revisions")
            }
            return count == 0 ? nil : .revision(retention: count)
        case .periodic:
            let duration: Duration
            if let hours = Int64(retention) {
                // A century is longer than any history and far from overflow.
                guard (0...876_000).contains(hours) else {
                    throw FlagValueError("is not a number of hours from 0 to 876000")
                }
                duration = .seconds(hours * 3_600)
            } else {
                duration = try Duration(flagText: retention)
            }
            guard duration >= .zero else { throw FlagValueError("is negative") }
            return duration == .zero ? nil : .periodic(retentionNanoseconds: duration.nanoseconds)
        }
    }
}
