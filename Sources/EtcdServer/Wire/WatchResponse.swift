package import ByreCore
package import EtcdAPI

/// A WatchResponse but for its events: header 1, watch_id 2, created 3, canceled 4, compact_revision
/// 5, cancel_reason 6, fragment 7.
///
/// Events are field 11, the last one: a whole response is this head and then, one after the other,
/// events that were encoded once and are shared by all watches that see them.
package struct WatchResponseHead: WireResponse, Hashable, Sendable {
    /// The watch; -1 for a progress report of the whole stream, or a watch that was not created.
    package var watchID: WatchID
    package var created = false
    package var canceled = false
    /// Not 0 if compaction ended the watch: the lowest revision to watch from.
    package var compactRevision: Int64 = 0
    package var cancelReason = ""
    /// Whether more of the same response follows.
    package var fragment = false

    package init(watchID: WatchID) {
        self.watchID = watchID
    }

    package func encodedLength(_ header: ResponseHeader) -> Int {
        header.encodedLength
            + WireSize.int64(self.watchID.rawValue, field: 2)
            + WireSize.bool(self.created, field: 3)
            + WireSize.bool(self.canceled, field: 4)
            + WireSize.int64(self.compactRevision, field: 5)
            + WireSize.bytes(count: self.cancelReason.utf8.count, field: 6)
            + WireSize.bool(self.fragment, field: 7)
    }

    package func encode(_ header: ResponseHeader, into writer: inout WireWriter) {
        header.encode(into: &writer)
        writer.int64(self.watchID.rawValue, field: 2)
        writer.bool(self.created, field: 3)
        writer.bool(self.canceled, field: 4)
        writer.int64(self.compactRevision, field: 5)
        writer.string(self.cancelReason, field: 6)
        writer.bool(self.fragment, field: 7)
    }
}

extension WatchResponse {
    /// The response but for its events, and the revision its header says.
    package var head: (WatchResponseHead, revision: Int64) {
        switch self {
        case .created(let id, let revision):
            var head = WatchResponseHead(watchID: id)
            head.created = true
            return (head, revision)
        case .refused(let refusal, let revision):
            var head = WatchResponseHead(watchID: .invalid)
            head.created = true
            head.canceled = true
            head.cancelReason = refusal.reason
            return (head, revision)
        case .canceled(let id, let revision):
            var head = WatchResponseHead(watchID: id)
            head.canceled = true
            return (head, revision)
        case .compacted(let id, let compactRevision):
            var head = WatchResponseHead(watchID: id)
            head.canceled = true
            head.compactRevision = compactRevision
            return (head, 0)
        case .events(let id, let revision, _, _), .progress(let id, let revision):
            return (WatchResponseHead(watchID: id), revision)
        }
    }
}

/// mvccpb.Event, as field 11 of a WatchResponse: type 1 (PUT 0, DELETE 1), kv 2, prev_kv 3.
extension WatchEvent {
    /// Encodes the field, tag and length included; a ``WatchEventEncoder``.
    package func encoded(withPrevious: Bool) -> Bytes {
        let kv = KeyValue(key: self.key, version: self.version, value: self.value)
        var previous: KeyValue?
        if withPrevious, case .known(let known) = self.previous { previous = known }

        let length =
            WireSize.bool(self.isDelete, field: 1)
            + kv.encodedLength(field: 2)
            + (previous?.encodedLength(field: 3) ?? 0)
        var writer = WireWriter(length: WireSize.message(length: length, field: 11))
        writer.message(length: length, field: 11)
        writer.bool(self.isDelete, field: 1)
        kv.encode(field: 2, into: &writer)
        previous?.encode(field: 3, into: &writer)
        return writer.bytes
    }
}
