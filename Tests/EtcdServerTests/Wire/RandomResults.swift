import ByreCore
import EtcdAPI
import EtcdServer
import Foundation

/// Random results of the domain, and the generated messages they should be encoded as.
struct RandomResults {
    var messages: RandomMessages

    init(seed: UInt64) {
        self.messages = RandomMessages(seed: seed)
    }

    mutating func header() -> ResponseHeader {
        ResponseHeader(
            clusterID: UInt64(bitPattern: self.messages.number()),
            memberID: UInt64(bitPattern: self.messages.number()),
            revision: self.messages.number(),
            raftTerm: UInt64(bitPattern: self.messages.number())
        )
    }

    mutating func kv(hasValue: Bool = true) -> KeyValue {
        let value = hasValue ? self.messages.bytes() : nil
        return KeyValue(
            key: self.messages.bytes(),
            version: Version(
                modRevision: self.messages.number(),
                sub: 0,
                valueSize: UInt32(value?.count ?? 99),
                createRevision: self.messages.number(),
                version: self.messages.number(),
                lease: LeaseID(rawValue: self.messages.number()),
                row: RowID(rawValue: 1)
            ),
            value: value
        )
    }

    mutating func kvs(hasValues: Bool = true) -> [KeyValue] {
        (0..<Int.random(in: 0...4, using: &self.messages.random)).map { _ in
            self.kv(hasValue: hasValues)
        }
    }

    mutating func range(depth: Int) -> RangeResult {
        let keysOnly = self.messages.chance(3)
        return RangeResult(
            headerRevision: self.messages.number(),
            kvs: self.kvs(hasValues: !keysOnly),
            more: self.messages.flag(),
            count: self.messages.number(),
            keysOnly: keysOnly
        )
    }

    mutating func put() -> PutResult {
        PutResult(
            headerRevision: self.messages.number(),
            prevKV: self.messages.flag() ? self.kv() : nil
        )
    }

    mutating func deleteRange() -> DeleteRangeResult {
        DeleteRangeResult(
            headerRevision: self.messages.number(),
            deleted: self.messages.number(),
            prevKVs: self.kvs()
        )
    }

    mutating func txn(depth: Int) -> TxnResult {
        let count = Int.random(in: 0...4, using: &self.messages.random)
        let responses: [ResponseOp] = (0..<count).map { _ in
            switch Int.random(in: 0..<(depth > 0 ? 5 : 3), using: &self.messages.random) {
            case 0: .range(self.range(depth: depth))
            case 1: .put(self.put())
            case 2: .deleteRange(self.deleteRange())
            default: .txn(self.txn(depth: depth - 1))
            }
        }
        return TxnResult(
            headerRevision: self.messages.number(),
            succeeded: self.messages.flag(),
            responses: responses
        )
    }

    mutating func event() -> WatchEvent {
        let kv = self.kv()
        let previous: WatchEvent.Previous =
            switch Int.random(in: 0..<3, using: &self.messages.random) {
            case 0: .none
            case 1: .notLoaded
            default: .known(self.kv())
            }
        return WatchEvent(
            key: kv.key,
            version: kv.version,
            value: kv.value ?? [],
            previous: previous
        )
    }
}

extension EtcdResponseHeader {
    init(_ header: ResponseHeader) {
        self.init()
        self.clusterID = header.clusterID
        self.memberID = header.memberID
        self.revision = header.revision
        self.raftTerm = header.raftTerm
    }
}

extension EtcdKeyValue {
    init(_ kv: KeyValue) {
        self.init()
        self.key = Data(kv.key)
        self.createRevision = kv.version.createRevision
        self.modRevision = kv.version.modRevision
        self.version = kv.version.version
        self.value = Data(kv.value ?? [])
        self.lease = kv.version.lease.rawValue
    }
}

extension EtcdRangeResponse {
    init(_ result: RangeResult, _ header: ResponseHeader) {
        self.init()
        self.header = EtcdResponseHeader(header)
        self.kvs = result.kvs.map { EtcdKeyValue($0) }
        self.more = result.more
        self.count = result.count
    }
}

extension EtcdPutResponse {
    init(_ result: PutResult, _ header: ResponseHeader) {
        self.init()
        self.header = EtcdResponseHeader(header)
        if let prevKV = result.prevKV { self.prevKv = EtcdKeyValue(prevKV) }
    }
}

extension EtcdDeleteRangeResponse {
    init(_ result: DeleteRangeResult, _ header: ResponseHeader) {
        self.init()
        self.header = EtcdResponseHeader(header)
        self.deleted = result.deleted
        self.prevKvs = result.prevKVs.map { EtcdKeyValue($0) }
    }
}

extension EtcdTxnResponse {
    init(_ result: TxnResult, _ header: ResponseHeader) {
        self.init()
        self.header = EtcdResponseHeader(header)
        self.succeeded = result.succeeded
        self.responses = result.responses.map {
            var op = EtcdResponseOp()
            switch $0 {
            case .range(let range):
                op.responseRange = EtcdRangeResponse(
                    range,
                    ResponseHeader(nestedRevision: range.headerRevision)
                )
            case .put(let put):
                op.responsePut = EtcdPutResponse(
                    put,
                    ResponseHeader(nestedRevision: put.headerRevision)
                )
            case .deleteRange(let deleteRange):
                op.responseDeleteRange = EtcdDeleteRangeResponse(
                    deleteRange,
                    ResponseHeader(nestedRevision: deleteRange.headerRevision)
                )
            case .txn(let txn):
                op.responseTxn = EtcdTxnResponse(
                    txn,
                    ResponseHeader(nestedRevision: txn.headerRevision)
                )
            }
            return op
        }
    }
}

extension EtcdEvent {
    init(_ event: WatchEvent, withPrevious: Bool) {
        self.init()
        self.type = event.isDelete ? .delete : .put
        self.kv = EtcdKeyValue(
            KeyValue(key: event.key, version: event.version, value: event.value)
        )
        if withPrevious, case .known(let previous) = event.previous {
            self.prevKv = EtcdKeyValue(previous)
        }
    }
}
