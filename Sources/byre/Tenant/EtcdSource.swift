import SwiftProtobuf
import ByreAPI
import EtcdAPI
import FoundationEssentials

/// What a live etcd holds at one revision, read over its own API in pages.
///
/// etcd gives keys in the order of their names, an archive has them in the order in which they were
/// written: they are sorted here, beyond a bound on disk.
struct EtcdSource {
    private enum Limits {
        /// Keys in a page. One page is in memory, so many of the largest values.
        static let pageKeysMax: Int64 = 1_000
        static let pageKeysFirst: Int64 = 50
        /// What a page should be large.
        static let pageBytes: Int64 = 4 << 20
        /// Bytes of keys and values in a frame, after which no key is added.
        static let frameBytes = 512 << 10
    }

    private let header: ByreArchiveHeader
    private let leases: [ByreArchiveLease]
    private let keys: KeySorter

    /// Reads everything.
    /// - Parameter prefix: what a key must begin with to be read; empty for all.
    init(
        reading etcd: RemoteServer,
        prefix: [UInt8],
        progress: inout ProgressLine
    ) throws(CommandFailure) {
        let keys = try KeySorter()
        var used: Set<Int64> = []
        var page = Page(prefix)
        repeat {
            let kvs = try page.next(from: etcd)
            for kv in kvs {
                if kv.lease != 0 { used.insert(kv.lease) }
                try keys.add(
                    .with { key in
                        key.key = kv.key
                        key.value = kv.value
                        key.createRevision = kv.createRevision
                        key.modRevision = kv.modRevision
                        key.version = kv.version
                        key.lease = kv.lease
                    }
                )
            }
            progress.show("read \(keys.count) of \(page.count) keys from \(etcd.url)")
        } while page.hasMore
        progress.end("read \(keys.count) keys from \(etcd.url)")
        self.keys = keys
        self.leases = try Self.leases(of: etcd, only: prefix.isEmpty ? nil : used)
        let status: EtcdStatusResponse = try etcd.call(
            "etcdserverpb.Maintenance/Status",
            EtcdStatusRequest()
        )
        self.header = .with { header in
            header.format = ArchiveOrder.format
            header.revision = page.revision
            header.keys = Int64(keys.count)
            header.createdAt = Int64(Date().timeIntervalSince1970)
            header.source = "etcd \(status.version)"
        }
    }

    /// A range being read page by page, all at the revision of the first.
    private struct Page {
        private let end: [UInt8]
        private var start: [UInt8]
        private var limit = Limits.pageKeysFirst
        private(set) var revision: Int64 = 0
        private(set) var count: Int64 = 0
        private(set) var hasMore = true

        init(_ prefix: [UInt8]) {
            // etcd's words for everything: from the first key there can be, to the end.
            self.start = prefix.isEmpty ? [0] : prefix
            var end = prefix
            while end.last == UInt8.max { end.removeLast() }
            if let last = end.popLast() { end.append(last + 1) }
            self.end = end.isEmpty ? [0] : end
        }

        mutating func next(
            from etcd: RemoteServer
        ) throws(CommandFailure) -> [EtcdKeyValue] {
            let request = EtcdRangeRequest.with { request in
                request.key = Data(self.start)
                request.rangeEnd = Data(self.end)
                request.limit = self.limit
                request.revision = self.revision
            }
            let response: EtcdRangeResponse = try etcd.call("etcdserverpb.KV/Range", request)
            if self.revision == 0 {
                self.revision = response.header.revision
                self.count = response.count
            }
            self.hasMore = response.more
            if let last = response.kvs.last { self.start = Array(last.key) + [0] }
            let bytes = response.kvs.reduce(1) { $0 + Int64($1.key.count + $1.value.count) }
            let fitting = Limits.pageBytes * Int64(response.kvs.count) / bytes
            self.limit = max(1, min(fitting, 2 * self.limit, Limits.pageKeysMax))
            return response.kvs
        }
    }

    /// The leases there are, or those of `only` that are still there.
    private static func leases(
        of etcd: RemoteServer,
        only used: Set<Int64>?
    ) throws(CommandFailure) -> [ByreArchiveLease] {
        let all: EtcdLeaseLeasesResponse = try etcd.call(
            "etcdserverpb.Lease/LeaseLeases",
            EtcdLeaseLeasesRequest()
        )
        var leases: [ByreArchiveLease] = []
        for lease in all.leases where used?.contains(lease.id) ?? true {
            let found: EtcdLeaseTimeToLiveResponse = try etcd.call(
                "etcdserverpb.Lease/LeaseTimeToLive",
                EtcdLeaseTimeToLiveRequest.with { $0.id = lease.id }
            )
            // One that has ended meanwhile has no time to live.
            guard found.grantedTtl > 0 else { continue }
            leases.append(
                .with {
                    $0.id = lease.id
                    $0.ttlSeconds = found.grantedTtl
                }
            )
        }
        return leases
    }

    /// Sends everything as an archive.
    func send(to upload: ArchiveUpload) throws(CommandFailure) {
        try upload.send(.with { $0.header = self.header })
        var rest = self.leases[...]
        while !rest.isEmpty {
            let some = rest.prefix(ArchiveOrder.leasesPerFrameMax)
            try upload.send(.with { $0.leases.leases = Array(some) })
            rest = rest.dropFirst(some.count)
        }
        var frame = ByreArchiveKeys()
        var frameBytes = 0
        var bytes: Int64 = 0
        try self.keys.forEach { key throws(CommandFailure) in
            frameBytes += key.key.count + key.value.count
            frame.keys.append(key)
            guard frameBytes >= Limits.frameBytes else { return }
            bytes += Int64(frameBytes)
            try upload.send(.with { $0.keys = frame })
            frame = ByreArchiveKeys()
            frameBytes = 0
        }
        bytes += Int64(frameBytes)
        if !frame.keys.isEmpty { try upload.send(.with { $0.keys = frame }) }
        try upload.send(
            .with { last in
                last.end.leases = Int64(self.leases.count)
                last.end.keys = Int64(self.keys.count)
                last.end.bytes = bytes
            }
        )
    }
}
