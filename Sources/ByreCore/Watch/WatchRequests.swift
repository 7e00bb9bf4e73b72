/// Asks a stream for a watcher.
/// - Source: etcd `api/etcdserverpb/rpc.proto`, `WatchCreateRequest`.
package struct WatchCreateRequest: Hashable, Sendable {
    package var range: KeyRange
    /// First revision to hear of; 0 is the next one, a future one is waited for.
    package var startRevision: Int64 = 0
    package var id: WatchID = .automatic
    package var options: WatchOptions = []

    /// Decodes etcd's pair of keys; an empty key stands for the least key there is.
    package init(key: Bytes, rangeEnd: Bytes) {
        self.range = KeyRange(key: key.isEmpty ? [0] : key, rangeEnd: rangeEnd)
    }
}

/// What a watcher wants, besides its range.
package struct WatchOptions: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Events carry what the key held before.
    package static let previousKV = WatchOptions(rawValue: 1)
    /// etcd's filter `NOPUT`.
    package static let noPut = WatchOptions(rawValue: 2)
    /// etcd's filter `NODELETE`.
    package static let noDelete = WatchOptions(rawValue: 4)
    /// A quiet watcher hears the revision from time to time.
    package static let progressNotify = WatchOptions(rawValue: 8)
    /// A large response may be split.
    package static let fragment = WatchOptions(rawValue: 16)

    /// Which of eight contents is asked of the same events: watchers of the same range and variant
    /// get the same bytes.
    var variant: Int { Int(self.rawValue & 7) }

    /// Whether the filters let `event` through.
    func accepts(_ event: WatchEvent) -> Bool {
        !self.contains(event.isDelete ? .noDelete : .noPut)
    }
}

/// Why a watcher is not created; the text is the response's `cancel_reason`.
package enum WatchRefusal: Hashable, Sendable {
    /// `start_revision` is negative.
    case negativeRevision
    /// The caller may not read the range; `reason` is the status as Go prints it.
    case denied(reason: String)
    case emptyRange
    case duplicateID
    /// A limit of ``WatchLimits`` is reached.
    case tooMany

    /// - Source: etcd `server/etcdserver/api/v3rpc/watch.go`, `server/storage/mvcc/watcher.go`.
    package var reason: String {
        switch self {
        case .negativeRevision: "etcdserver: mvcc: required revision has been compacted"
        case .denied(let reason): reason
        case .emptyRange: "mvcc: watcher range is empty"
        case .duplicateID: "mvcc: duplicate watch ID provided on the WatchStream"
        case .tooMany: "etcdserver: too many requests"
        }
    }
}
