/// When the server compacts by itself.
package enum AutoCompaction: Hashable, Sendable {
    case off
    /// Keeps the history of this long.
    case periodic(Duration)
    /// Keeps this many revisions.
    case revision(Int64)

    /// etcd's name for the two meanings of a retention.
    package enum Mode: String, FlagChoice {
        case periodic
        case revision
    }

    /// Reads etcd's pair of flags.
    ///
    /// A plain number of the periodic mode counts hours; 0 is off.
    ///
    /// Source: etcd `server/embed/etcd.go`, `parseCompactionRetention`.
    package init(mode: Mode, retention: String) throws(FlagValueError) {
        switch mode {
        case .revision:
            guard let count = Int64(retention), count >= 0 else {
                throw FlagValueError("is not a number of revisions")
            }
            self = count == 0 ? .off : .revision(count)
        case .periodic:
            if let hours = Int64(retention) {
                // A century is longer than any history and far from overflow.
                guard (0...876_000).contains(hours) else {
                    throw FlagValueError("is not a number of hours from 0 to 876000")
                }
                self = hours == 0 ? .off : .periodic(.seconds(hours * 3_600))
                return
            }
            let duration = try Duration(flagText: retention)
            guard duration >= .zero else { throw FlagValueError("is negative") }
            self = duration == .zero ? .off : .periodic(duration)
        }
    }
}
