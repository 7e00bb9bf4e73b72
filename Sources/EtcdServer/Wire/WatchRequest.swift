package import ByreCore
package import EtcdAPI

/// A WatchRequest: one of create 1, cancel 2, progress 3.
package enum WatchRequest: Hashable, Sendable {
    case create(WireWatchCreateRequest)
    case cancel(WatchID)
    case progress
    /// None that etcd knows; it is passed over.
    case unknown

    package init(decoding bytes: RawSpan) throws(WireError) {
        self = .unknown
        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .bytes):
                var create = WireWatchCreateRequest()
                if case .create(let earlier) = self { create = earlier }
                self = .unknown
                try create.merge(reader.contents())
                self = .create(create)
            case (2, .bytes):
                var id = WatchID(rawValue: 0)
                if case .cancel(let earlier) = self { id = earlier }
                self = .cancel(try WatchRequest.canceledID(reader.contents()) ?? id)
            case (3, .bytes):
                try WatchRequest.skipFields(reader.contents())
                self = .progress
            default:
                try reader.skip(field)
            }
        }
    }

    /// Reads a WatchCancelRequest: watch_id 1; nil if that is not there.
    private static func canceledID(_ bytes: RawSpan) throws(WireError) -> WatchID? {
        var id: WatchID?
        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .varint): id = WatchID(rawValue: try reader.int64())
            default: try reader.skip(field)
            }
        }
        return id
    }

    private static func skipFields(_ bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes)
        while let field = try reader.nextField() { try reader.skip(field) }
    }
}

/// A WatchCreateRequest as it came: key 1, range_end 2, start_revision 3, progress_notify 4, filters
/// 5, prev_kv 6, watch_id 7, fragment 8.
package struct WireWatchCreateRequest: Hashable, Sendable {
    /// Key and end as they came; etcd checks permissions on these, and an empty key is no error.
    package private(set) var key: Bytes = []
    package private(set) var rangeEnd: Bytes = []
    private var startRevision: Int64 = 0
    private var watchID = WatchID.automatic
    private var options: WatchOptions = []

    init() {}

    package var request: WatchCreateRequest {
        var request = WatchCreateRequest(key: self.key, rangeEnd: self.rangeEnd)
        request.startRevision = self.startRevision
        request.id = self.watchID
        request.options = self.options
        return request
    }

    /// Adds the fields of `bytes`; what is there already yields to them.
    mutating func merge(_ bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .bytes): self.key = try reader.bytes()
            case (2, .bytes): self.rangeEnd = try reader.bytes()
            case (3, .varint): self.startRevision = try reader.int64()
            case (4, .varint): self.set(.progressNotify, try reader.bool())
            case (5, .varint): self.addFilter(try reader.int32())
            // A list of numbers may come packed, as most encoders do it.
            case (5, .bytes): try self.addFilters(reader.contents())
            case (6, .varint): self.set(.previousKV, try reader.bool())
            case (7, .varint): self.watchID = WatchID(rawValue: try reader.int64())
            case (8, .varint): self.set(.fragment, try reader.bool())
            default: try reader.skip(field)
            }
        }
    }

    private mutating func set(_ option: WatchOptions, _ isWanted: Bool) {
        if isWanted { self.options.insert(option) } else { self.options.remove(option) }
    }

    private mutating func addFilters(_ numbers: RawSpan) throws(WireError) {
        var reader = WireReader(numbers)
        while !reader.isAtEnd { self.addFilter(try reader.int32()) }
    }

    /// Adds a filter by its number; one that etcd does not know filters nothing.
    private mutating func addFilter(_ number: Int32) {
        switch number {
        case 0: self.options.insert(.noPut)
        case 1: self.options.insert(.noDelete)
        default: break
        }
    }
}
