/// One change of one key, as watchers see it.
package struct WatchEvent: Hashable, Sendable {
    /// What the key held at the revision before the event's.
    package enum Previous: Hashable, Sendable {
        /// Nothing: the event creates the key, or the revision before is compacted.
        case none
        /// A version with its value.
        case known(KeyValue)
        /// A version whose value is not at hand; watchers that want it take the catch-up path.
        case notLoaded
    }

    package var key: Bytes
    /// The version the change made; a tombstone for a deletion.
    package var version: Version
    /// The value put; empty for a deletion.
    package var value: Bytes
    /// The key's version at `version.modRevision - 1`, not an earlier change of the same revision.
    /// - Source: etcd `server/etcdserver/api/v3rpc/watch.go`, `sendLoop`.
    package var previous: Previous

    package init(key: Bytes, version: Version, value: Bytes, previous: Previous) {
        self.key = key
        self.version = version
        self.value = value
        self.previous = previous
    }

    package var isDelete: Bool { self.version.isTombstone }
}

/// Makes the wire form of an event, as it stands in the repeated field of a response.
///
/// Called under the tenant's lock, once for each event and variant that somebody watches. With
/// `withPrevious` false the event's previous version is left out.
package typealias WatchEventEncoder =
    @Sendable (_ event: WatchEvent, _ withPrevious: Bool) -> Bytes

/// The encoded events of one response, shared by every watcher that gets the same.
package final class EncodedEvents: Sendable {
    /// The wire form of each event, in revision order.
    ///
    /// Never empty.
    package let events: [Bytes]
    /// Length of all of `events`.
    package let byteCount: Int

    init(_ events: [Bytes]) {
        self.events = events
        self.byteCount = events.reduce(0) { $0 + $1.count }
    }
}
