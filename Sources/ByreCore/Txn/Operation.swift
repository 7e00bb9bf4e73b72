/// A change to a tenant, as the committer takes it from the queue.
package enum Operation: Sendable {
    case put(PutRequest)
    case deleteRange(DeleteRangeRequest)
    case txn(Txn)
    case compact(revision: Int64)
    /// `id` is the client's, or `LeaseID.none` to take the first free one from `candidate` on.
    case leaseGrant(id: LeaseID, ttlSeconds: Int64, minTTLSeconds: Int64, candidate: Int64)
    case leaseRevoke(LeaseID)
    case alarmActivate(Alarm)
    case alarmDeactivate(Alarm)
    /// Gives back what compaction freed: the allocated size becomes the used size.
    case defragment
}

/// What an ``Operation`` did.
package enum Outcome: Sendable {
    case put(PutResult)
    case deleteRange(DeleteRangeResult)
    case txn(TxnResult)
    case compacted(headerRevision: Int64)
    case leaseGranted(LeaseID, ttlSeconds: Int64, headerRevision: Int64)
    case leaseRevoked(headerRevision: Int64)
    /// Whether the alarm is, or was, raised: the answer names it then.
    case alarm(isNamed: Bool, headerRevision: Int64)
    case defragmented
}

/// One change of a key, in the order in which it was made: what watchers are told.
package struct Change: Sendable {
    package var key: Bytes
    package var version: Version
    package var value: Bytes
    /// The key as it was before this revision; nil when it did not exist, or when this is a put that
    /// creates it, if anew in the transaction that deleted it.
    package var previous: Version?

    package init(key: Bytes, version: Version, value: Bytes, previous: Version?) {
        self.key = key
        self.version = version
        self.value = value
        self.previous = previous
    }

    /// The change as watchers see it.
    /// - Parameter previousValue: what the key held before, or nil when that is not at hand.
    package func event(_ previousValue: Bytes?) -> WatchEvent {
        var previous = WatchEvent.Previous.none
        if let version = self.previous {
            previous =
                previousValue.map {
                    .known(KeyValue(key: self.key, version: version, value: $0))
                } ?? .notLoaded
        }
        return WatchEvent(
            key: self.key,
            version: self.version,
            value: self.value,
            previous: previous
        )
    }
}
