import ByreCore
import EtcdAPI
import EtcdServer
import Foundation

// What each generated message means in the domain: the decoders under test, written a second time
// from the messages instead of from their bytes.

extension RangeRequest {
    init(_ message: EtcdRangeRequest) {
        self.init(range: KeyRange(key: Bytes(message.key), rangeEnd: Bytes(message.rangeEnd)))
        self.limit = message.limit
        self.revision = message.revision
        self.sortOrder = SortOrder(rawValue: Int32(message.sortOrder.rawValue)) ?? .none
        self.sortTarget = SortTarget(rawValue: Int32(message.sortTarget.rawValue)) ?? .key
        self.serializable = message.serializable
        self.keysOnly = message.keysOnly
        self.countOnly = message.countOnly
        self.minModRevision = message.minModRevision
        self.maxModRevision = message.maxModRevision
        self.minCreateRevision = message.minCreateRevision
        self.maxCreateRevision = message.maxCreateRevision
    }
}

extension EtcdRangeRequest {
    var hasKnownSort: Bool {
        if case .UNRECOGNIZED = self.sortOrder { return false }
        if case .UNRECOGNIZED = self.sortTarget { return false }
        return true
    }
}

extension PutRequest {
    init(_ message: EtcdPutRequest) {
        self.init(key: Bytes(message.key), value: Bytes(message.value))
        self.lease = LeaseID(rawValue: message.lease)
        self.prevKV = message.prevKv
        self.ignoreValue = message.ignoreValue
        self.ignoreLease = message.ignoreLease
    }
}

extension DeleteRangeRequest {
    init(_ message: EtcdDeleteRangeRequest) {
        self.init(range: KeyRange(key: Bytes(message.key), rangeEnd: Bytes(message.rangeEnd)))
        self.prevKV = message.prevKv
    }
}

extension Compare {
    init(_ message: EtcdCompare) {
        let result: Result =
            switch message.result {
            case .equal: .equal
            case .greater: .greater
            case .less: .less
            case .notEqual: .notEqual
            case .UNRECOGNIZED: .unknown
            }
        // The accessors of the generated oneof answer with the default for what is not set.
        let operand: Operand =
            switch message.target {
            case .version: .version(message.version)
            case .create: .createRevision(message.createRevision)
            case .mod: .modRevision(message.modRevision)
            case .value: .value(Bytes(message.value))
            case .lease: .lease(message.lease)
            case .UNRECOGNIZED: .unknown
            }
        self.init(
            range: KeyRange(key: Bytes(message.key), rangeEnd: Bytes(message.rangeEnd)),
            result: result,
            operand: operand
        )
    }
}

extension RequestOp {
    init(_ message: EtcdRequestOp) {
        self =
            switch message.request {
            case .requestRange(let range): .range(RangeRequest(range))
            case .requestPut(let put): .put(PutRequest(put))
            case .requestDeleteRange(let deleteRange):
                .deleteRange(DeleteRangeRequest(deleteRange))
            case .requestTxn(let txn): .txn(Txn(txn))
            case nil: .txn(Txn())
            }
    }
}

extension Txn {
    init(_ message: EtcdTxnRequest) {
        self.init()
        self.compare = message.compare.map(Compare.init)
        self.success = message.success.map(RequestOp.init)
        self.failure = message.failure.map(RequestOp.init)
    }
}

/// A watch request in the form that it is compared in.
enum WatchMeaning: Hashable {
    case create(WatchCreateRequest, rawKey: Bytes, rawEnd: Bytes)
    case cancel(WatchID)
    case progress
    case unknown

    init(_ request: WatchRequest) {
        self =
            switch request {
            case .create(let create):
                .create(create.request, rawKey: create.key, rawEnd: create.rangeEnd)
            case .cancel(let id): .cancel(id)
            case .progress: .progress
            case .unknown: .unknown
            }
    }

    init(_ message: EtcdWatchRequest) {
        switch message.requestUnion {
        case .createRequest(let create):
            var request = WatchCreateRequest(
                key: Bytes(create.key),
                rangeEnd: Bytes(create.rangeEnd)
            )
            request.startRevision = create.startRevision
            request.id = WatchID(rawValue: create.watchID)
            if create.progressNotify { request.options.insert(.progressNotify) }
            if create.prevKv { request.options.insert(.previousKV) }
            if create.fragment { request.options.insert(.fragment) }
            if create.filters.contains(.noput) { request.options.insert(.noPut) }
            if create.filters.contains(.nodelete) { request.options.insert(.noDelete) }
            self = .create(
                request,
                rawKey: Bytes(create.key),
                rawEnd: Bytes(create.rangeEnd)
            )
        case .cancelRequest(let cancel): self = .cancel(WatchID(rawValue: cancel.watchID))
        case .progressRequest: self = .progress
        case nil: self = .unknown
        }
    }
}
