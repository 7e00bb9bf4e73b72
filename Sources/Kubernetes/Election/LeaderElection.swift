/// One candidate's side of an election by a Lease: what to write, and whether it leads. No I/O; times
/// are arguments.
///
/// The rules are those of client-go: whoever's lease it is renews it every two seconds and leads until
/// ten seconds have passed since it last could; the others take it when it has not changed for the
/// fifteen seconds that it is for, by their own clocks, so that nobody's clock need be right. That
/// the API server lets only one of two writers win does the rest.
///
/// Source: client-go `tools/leaderelection`.
package struct LeaderElection {
    package struct Settings: Hashable, Sendable {
        /// Of this candidate, unlike any other's.
        package var identity: String
        /// How long a lease that is not renewed is respected by others.
        package var leaseDuration = Duration.seconds(15)
        /// How long the leader leads without being able to renew. Shorter than the lease.
        package var renewDeadline = Duration.seconds(10)
        /// Between attempts.
        package var retryPeriod = Duration.seconds(2)

        package init(identity: String) {
            self.identity = identity
        }
    }

    /// What to write.
    package enum Write: Hashable, Sendable {
        /// Somebody else leads.
        case nothing
        case create(LeaseRecord)
        /// Replace the lease that was read, if it still has its resource version.
        case replace(LeaseRecord, keepsAcquired: Bool)
    }

    private let settings: Settings
    /// The lease's state as last seen, and when it was first seen so.
    private var seen: (lease: ObservedLease, at: ContinuousClock.Instant)?
    /// Until when this candidate leads; nil while it does not.
    package private(set) var leadsUntil: ContinuousClock.Instant?

    package init(_ settings: Settings) {
        self.settings = settings
    }

    /// Whether this candidate leads at a moment.
    package func isLeading(at now: ContinuousClock.Instant) -> Bool {
        self.leadsUntil.map { now < $0 } ?? false
    }

    /// Says what to write after the lease was read.
    /// - Parameters:
    ///   - lease: nil for none.
    ///   - time: microseconds since 1970, to be written for people.
    package mutating func read(
        _ lease: ObservedLease?,
        at now: ContinuousClock.Instant,
        time: Int64
    ) -> Write {
        let seconds = self.settings.leaseDuration.components.seconds
        var record = LeaseRecord(
            holder: self.settings.identity,
            durationSeconds: seconds,
            acquired: time,
            renewed: time,
            transitions: 0
        )
        guard let lease else {
            self.seen = nil
            return .create(record)
        }
        if self.seen?.lease != lease { self.seen = (lease, now) }
        let isOwn = lease.holder == self.settings.identity
        if !isOwn { self.leadsUntil = nil }
        if !isOwn, !lease.holder.isEmpty, let seen,
            now < seen.at + .seconds(max(0, lease.durationSeconds))
        {
            return .nothing
        }
        record.transitions = lease.transitions + (isOwn ? 0 : 1)
        return .replace(record, keepsAcquired: isOwn)
    }

    /// The server took what ``read(_:at:time:)`` said.
    /// - Parameters:
    ///   - lease: as it is now.
    ///   - began: when the request was sent: others may count from then.
    package mutating func wrote(_ lease: ObservedLease, began: ContinuousClock.Instant) {
        self.seen = (lease, began)
        self.leadsUntil = began + self.settings.renewDeadline
    }

    /// What to write to let others lead at once; nil when this candidate does not lead.
    package mutating func release(time: Int64) -> (lease: ObservedLease, record: LeaseRecord)? {
        guard self.leadsUntil != nil, let seen else { return nil }
        self.leadsUntil = nil
        let record = LeaseRecord(
            holder: "",
            // Zero is refused.
            durationSeconds: 1,
            acquired: time,
            renewed: time,
            transitions: seen.lease.transitions
        )
        return (seen.lease, record)
    }

    /// How long to wait before the next attempt: a follower's has some chance in it.
    package func wait(using dice: inout some RandomNumberGenerator) -> Duration {
        guard self.leadsUntil == nil else { return self.settings.retryPeriod }
        return self.settings.retryPeriod * Double.random(in: 1...2.2, using: &dice)
    }
}
