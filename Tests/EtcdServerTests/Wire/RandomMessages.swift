import EtcdAPI
import Foundation

/// Repeatable random numbers (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Random messages of the generated kind, defaults being frequent.
struct RandomMessages {
    var random: SeededRandom
    /// Whether numbers may be negative; those take ten bytes.
    var allowsNegative = true

    init(seed: UInt64) {
        self.random = SeededRandom(seed: seed)
    }

    mutating func chance(_ oneIn: Int) -> Bool {
        Int.random(in: 0..<oneIn, using: &self.random) == 0
    }

    mutating func bytes() -> [UInt8] {
        let count =
            switch Int.random(in: 0..<8, using: &self.random) {
            case 0: 0
            case 1: 1
            case 2: Int.random(in: 100..<400, using: &self.random)
            default: Int.random(in: 1..<12, using: &self.random)
            }
        return (0..<count).map { _ in
            self.chance(3) ? 0 : UInt8.random(in: 0...255, using: &self.random)
        }
    }

    mutating func number() -> Int64 {
        switch Int.random(in: 0..<6, using: &self.random) {
        case 0, 1: 0
        case 2: Int64.random(in: 1...300, using: &self.random)
        case 3: Int64.random(in: 1...(1 << 32), using: &self.random)
        case 4: self.allowsNegative ? Int64.random(in: Int64.min...0, using: &self.random) : 7
        default: self.allowsNegative ? Int64.max : 127
        }
    }

    mutating func flag() -> Bool { Bool.random(using: &self.random) }

    mutating func range() -> EtcdRangeRequest {
        var range = EtcdRangeRequest()
        range.key = Data(self.bytes())
        if self.flag() { range.rangeEnd = Data(self.bytes()) }
        range.limit = self.number()
        range.revision = self.number()
        range.sortOrder = .init(rawValue: Int.random(in: 0...3, using: &self.random)) ?? .none
        range.sortTarget = .init(rawValue: Int.random(in: 0...5, using: &self.random)) ?? .key
        range.serializable = self.flag()
        range.keysOnly = self.flag()
        range.countOnly = self.flag()
        range.minModRevision = self.number()
        range.maxModRevision = self.number()
        range.minCreateRevision = self.number()
        range.maxCreateRevision = self.number()
        return range
    }

    mutating func put() -> EtcdPutRequest {
        var put = EtcdPutRequest()
        put.key = Data(self.bytes())
        put.value = Data(self.bytes())
        put.lease = self.number()
        put.prevKv = self.flag()
        put.ignoreValue = self.chance(4)
        put.ignoreLease = self.chance(4)
        return put
    }

    mutating func deleteRange() -> EtcdDeleteRangeRequest {
        var deleteRange = EtcdDeleteRangeRequest()
        deleteRange.key = Data(self.bytes())
        if self.flag() { deleteRange.rangeEnd = Data(self.bytes()) }
        deleteRange.prevKv = self.flag()
        return deleteRange
    }

    mutating func compare() -> EtcdCompare {
        var compare = EtcdCompare()
        compare.result = .init(rawValue: Int.random(in: 0...4, using: &self.random)) ?? .equal
        compare.target = .init(rawValue: Int.random(in: 0...5, using: &self.random)) ?? .version
        compare.key = Data(self.bytes())
        switch Int.random(in: 0..<6, using: &self.random) {
        case 0: compare.targetUnion = .version(self.number())
        case 1: compare.targetUnion = .createRevision(self.number())
        case 2: compare.targetUnion = .modRevision(self.number())
        case 3: compare.targetUnion = .value(Data(self.bytes()))
        case 4: compare.targetUnion = .lease(self.number())
        default: break
        }
        if self.chance(3) { compare.rangeEnd = Data(self.bytes()) }
        return compare
    }

    mutating func op(depth: Int) -> EtcdRequestOp {
        var op = EtcdRequestOp()
        switch Int.random(in: 0..<(depth > 0 ? 14 : 12), using: &self.random) {
        case 0: break
        case 1...4: op.requestRange = self.range()
        case 5...8: op.requestPut = self.put()
        case 9...11: op.requestDeleteRange = self.deleteRange()
        default: op.requestTxn = self.txn(depth: depth - 1)
        }
        return op
    }

    mutating func txn(depth: Int = 3) -> EtcdTxnRequest {
        var txn = EtcdTxnRequest()
        for _ in 0..<Int.random(in: 0...3, using: &self.random) {
            txn.compare.append(self.compare())
        }
        for _ in 0..<Int.random(in: 0...4, using: &self.random) {
            txn.success.append(self.op(depth: depth))
        }
        for _ in 0..<Int.random(in: 0...4, using: &self.random) {
            txn.failure.append(self.op(depth: depth))
        }
        return txn
    }

    mutating func watch() -> EtcdWatchRequest {
        var watch = EtcdWatchRequest()
        switch Int.random(in: 0..<6, using: &self.random) {
        case 0: break
        case 1: watch.cancelRequest.watchID = self.number()
        case 2: watch.progressRequest = EtcdWatchProgressRequest()
        default:
            var create = EtcdWatchCreateRequest()
            create.key = Data(self.bytes())
            if self.flag() { create.rangeEnd = Data(self.bytes()) }
            create.startRevision = self.number()
            create.progressNotify = self.flag()
            for _ in 0..<Int.random(in: 0...3, using: &self.random) {
                create.filters.append(
                    .init(rawValue: Int.random(in: 0...2, using: &self.random)) ?? .noput
                )
            }
            create.prevKv = self.flag()
            create.watchID = self.number()
            create.fragment = self.flag()
            watch.createRequest = create
        }
        return watch
    }
}
