import ByreCore
import EtcdAPI
import EtcdServer
import Foundation
import Testing

/// etcd's static rules, and the order in which they are applied.
@Suite struct RequestValidationTests {
    // Requests are built as clients do, encoded, decoded and checked.

    private static func range(_ edit: (inout EtcdRangeRequest) -> Void) -> EtcdRangeRequest {
        var range = EtcdRangeRequest()
        range.key = Data([0x61])
        edit(&range)
        return range
    }

    private static func put(_ edit: (inout EtcdPutRequest) -> Void) -> EtcdPutRequest {
        var put = EtcdPutRequest()
        put.key = Data([0x61])
        edit(&put)
        return put
    }

    @Test(
        arguments: [
            ("plain", Self.range { _ in }, nil, nil),
            ("no key", Self.range { $0.key = Data() }, .keyNotProvided, .keyNotProvided),
            (
                "no key and unknown order",
                Self.range {
                    $0.key = Data()
                    $0.sortOrder = .UNRECOGNIZED(3)
                },
                .keyNotProvided, .keyNotProvided
            ),
            (
                "unknown order", Self.range { $0.sortOrder = .UNRECOGNIZED(3) },
                .invalidSortOption, .invalidSortOption
            ),
            (
                "negative order", Self.range { $0.sortOrder = .UNRECOGNIZED(-1) },
                .invalidSortOption, .invalidSortOption
            ),
            (
                "unknown target", Self.range { $0.sortTarget = .UNRECOGNIZED(5) },
                .invalidSortOption, .invalidSortOption
            ),
            ("by key, ascending", Self.range { $0.sortOrder = .ascend }, nil, nil),
            ("by key, descending", Self.range { $0.sortOrder = .descend }, nil, .rangeStreamSort),
            ("by value, unordered", Self.range { $0.sortTarget = .value }, nil, nil),
            (
                "by value, ascending",
                Self.range {
                    $0.sortTarget = .value
                    $0.sortOrder = .ascend
                },
                nil, .rangeStreamSort
            ),
            (
                "sorted and filtered",
                Self.range {
                    $0.sortOrder = .descend
                    $0.minModRevision = 1
                },
                nil, .rangeStreamSort
            ),
            ("min mod", Self.range { $0.minModRevision = 1 }, nil, .rangeStreamFilter),
            ("max mod", Self.range { $0.maxModRevision = -1 }, nil, .rangeStreamFilter),
            ("min create", Self.range { $0.minCreateRevision = 1 }, nil, .rangeStreamFilter),
            ("max create", Self.range { $0.maxCreateRevision = 1 }, nil, .rangeStreamFilter),
        ] as [(String, EtcdRangeRequest, EtcdError?, EtcdError?)]
    )
    func rangeIsChecked(
        _ what: String,
        _ message: EtcdRangeRequest,
        _ unary: EtcdError?,
        _ streamed: EtcdError?
    ) throws {
        let wire = try WireRangeRequest(decoding: message.encoded().span.bytes)
        #expect(self.error { () throws(EtcdError) in try RequestValidation.check(wire) } == unary)
        #expect(
            self.error { () throws(EtcdError) in try RequestValidation.checkStream(wire) }
                == streamed
        )
    }

    @Test(
        arguments: [
            ("plain", Self.put { $0.lease = 1 }, nil),
            ("no key", Self.put { $0.key = Data() }, .keyNotProvided),
            (
                "everything wrong",
                EtcdPutRequest(ignoringValueAndLease: [0x61], value: [1], lease: 1, key: []),
                .keyNotProvided
            ),
            (
                "value and lease wrong",
                EtcdPutRequest(ignoringValueAndLease: [0x61], value: [1], lease: 1), .valueProvided
            ),
            (
                "lease wrong", EtcdPutRequest(ignoringValueAndLease: [0x61], value: [], lease: -1),
                .leaseProvided
            ),
            ("both kept", EtcdPutRequest(ignoringValueAndLease: [0x61], value: [], lease: 0), nil),
        ] as [(String, EtcdPutRequest, EtcdError?)]
    )
    func putIsChecked(_ what: String, _ message: EtcdPutRequest, _ expected: EtcdError?) throws {
        let put = try PutRequest(decoding: message.encoded().span.bytes)
        #expect(self.error { () throws(EtcdError) in try RequestValidation.check(put) } == expected)
    }

    @Test func deleteRangeNeedsAKey() throws {
        var message = EtcdDeleteRangeRequest()
        message.rangeEnd = Data([0])
        let request = try DeleteRangeRequest(decoding: message.encoded().span.bytes)
        #expect(throws: EtcdError.keyNotProvided) { try RequestValidation.check(request) }
    }

    // Transactions, in a shorthand: see `TxnShorthand`.
    @Test(
        arguments: [
            // Operations are counted on each level, and down the deepest path.
            (3, "c c c | p1 p2 p3 | p1 p2 p3", nil),
            (3, "c c c c | |", .tooManyOps),
            (3, "| p1 p2 p3 p4 |", .tooManyOps),
            (3, "| | p1 p2 p3 p4", .tooManyOps),
            (3, "| ( | p1 p2 | ) |", nil),
            (3, "| ( | p1 p2 p3 | ) |", .tooManyOps),
            (3, "| ( | | p1 p2 p3 ) |", .tooManyOps),
            (3, "c c | ( | p1 p2 | ) |", .tooManyOps),
            (3, "| | ( c c c | | )", .tooManyOps),
            (3, "| ( | ( | p1 | ) | ) |", nil),
            (3, "| ( | ( | ( | p1 | ) | ) | ) |", .tooManyOps),
            (3, "| ( | ( | ( | | ) | ) | ) |", nil),
            // Neighbours do not share what is left.
            (4, "| ( | p1 p2 | ) ( | p3 p4 | ) |", nil),
            (0, "| |", nil),
            (0, "c | |", .tooManyOps),
            // Keys and unions.
            (9, "c! | |", .keyNotProvided),
            (9, "c c! | |", .keyNotProvided),
            (9, "| p! |", .keyNotProvided),
            (9, "| | r!", .keyNotProvided),
            (9, "| d! |", .keyNotProvided),
            (9, "| u |", .keyNotFound),
            (9, "| | r1 u", .keyNotFound),
            (9, "| s1 |", .invalidSortOption),
            (9, "| s! |", .keyNotProvided),
            (9, "| v1 |", .valueProvided),
            (9, "| l1 |", .leaseProvided),
            // The order: count, conditions, then success, then failure, depth first.
            (3, "c! | u u u u |", .tooManyOps),
            (9, "c! | u |", .keyNotProvided),
            (9, "| u p! |", .keyNotFound),
            (9, "| p! u |", .keyNotProvided),
            (9, "| p! | u", .keyNotProvided),
            (9, "| v1 | u", .valueProvided),
            (9, "| ( | u | ) p! |", .keyNotFound),
            (9, "| ( | | u ) p! |", .keyNotFound),
            (9, "| ( c! | u | ) |", .keyNotProvided),
            (9, "| p! ( | u | ) |", .keyNotProvided),
            (3, "| ( | p1 p2 p3 | ) u |", .tooManyOps),
            (3, "| u ( | p1 p2 p3 | ) |", .keyNotFound),
            (3, "| s1 ( | p1 p2 p3 | ) |", .invalidSortOption),
            // All of that before keys changed twice.
            (9, "| p1 p1 | u", .keyNotFound),
            (3, "| p1 p1 | ( | p1 p2 p3 | )", .tooManyOps),
        ] as [(Int, String, EtcdError?)]
    )
    func txnIsChecked(_ opsMax: Int, _ shorthand: String, _ expected: EtcdError?) throws {
        let message = try TxnShorthand.txn(shorthand)
        let wire = try WireTxn(decoding: message.encoded().span.bytes)
        let error = self.error { () throws(EtcdError) in
            try RequestValidation.check(wire, opsMax: opsMax)
        }
        #expect(error == expected)
    }

    @Test(
        arguments: [
            ("one put", "p1", false),
            ("different keys", "p1 p2", false),
            ("a key twice", "p1 p1", true),
            ("a key thrice apart", "p1 p2 r1 p1", true),
            ("put, deletion of it", "p1 d1", true),
            ("deletion, put of it", "d1 p1", true),
            ("deletion of another", "p1 d2", false),
            ("deletion of a prefix of it", "p12 d1", false),
            ("in the middle of a deletion", "p2 d1-3", true),
            ("at the start of a deletion", "p1 d1-3", true),
            ("at the end of a deletion", "p3 d1-3", false),
            ("longer than the end", "p31 d1-3", false),
            ("longer than the start", "p11 d1-3", true),
            ("between deletions", "p5 d1-3 d7-9", false),
            ("in the second deletion", "p8 d1-3 d7-9", true),
            ("in a deletion within another", "p4 d1-9 d2-3", true),
            ("in one of two that touch", "p3 d3-5 d1-3", true),
            ("deletions overlap", "d1-5 d2-7 d3", false),
            ("deletion of nothing", "p1 d3-1", false),
            ("deletion of nothing, at its start", "p3 d3-1", false),
            ("deletion of nothing hides none", "p2 d3-1 d1-3", true),
            // A zero byte as end is not understood here; etcd's oddity, and the real one's answer.
            ("deletion without end", "p2 d1-*", false),
            ("deletion without end, at its start", "p1 d1-*", false),
            // Nested transactions.
            ("both branches of one", "( | p1 | p1 )", false),
            ("put and deletion in its branches", "( | p1 | d1 )", false),
            ("deletion and put in its branches", "( | d1 | p1 )", false),
            ("twice in one branch", "( | p1 p1 | )", true),
            ("twice in the other branch", "( | | p1 p1 )", true),
            ("two neighbours", "( | p1 | ) ( | p1 | )", true),
            ("other branches of two neighbours", "( | p1 | ) ( | | p1 )", true),
            ("both branches, then a neighbour", "( | p1 | p1 ) ( | | p1 )", true),
            ("nested and outer", "( | p1 | ) p1", true),
            ("outer and nested", "p1 ( | | p1 )", true),
            ("nested put, outer deletion", "( | p1 | ) d1-2", true),
            ("outer deletion, nested put", "d1-2 ( | | p1 )", true),
            ("nested deletion, outer put", "( | d1 | ) p1", true),
            ("outer put, nested deletion", "p1 ( | | d1-2 )", true),
            ("deep put, outer deletion", "( | ( | ( | | p1 ) | ) | ) d1", true),
            ("deep deletion, outer put", "( | ( | ( | | d1 ) | ) | ) p1", true),
            // A nested put is compared with deletions of earlier neighbours only; etcd's oddity.
            ("neighbours: put, then deletion", "( | p1 | ) ( | d1 | )", false),
            ("neighbours: deletion, then put", "( | d1 | ) ( | p1 | )", true),
            ("neighbours: deletion, other, put", "( | | d1-3 ) ( | p5 | ) ( | p2 | )", true),
            ("deletions of neighbours join", "( | d1-3 | d5-7 ) ( | d3-5 | ) p4", true),
            ("deletions of neighbours leave a gap", "( | d1-3 | d5-7 ) ( | d9 | ) p4", false),
        ])
    func keysChangedTwiceAreRefused(_ what: String, _ ops: String, _ isRefused: Bool) throws {
        for shorthand in ["| \(ops) |", "| | \(ops)"] {
            let message = try TxnShorthand.txn(shorthand)
            let wire = try WireTxn(decoding: message.encoded().span.bytes)
            let error = self.error { () throws(EtcdError) in
                try RequestValidation.check(wire, opsMax: 128)
            }
            #expect(error == (isRefused ? .duplicateKey : nil), "\(shorthand)")
        }
    }

    /// The same rule without trees or sorting: each pair of a put and another change is looked at.
    @Test func keysChangedTwiceAreThoseThatPairsShow() throws {
        var messages = RandomMessages(seed: 31)
        var refused = 0
        for _ in 0..<2000 {
            let ops = TxnShorthand.randomOps(depth: 2, &messages.random)
            let txn = try TxnShorthand.txn("| \(ops) |")
            let wire = try WireTxn(decoding: txn.encoded().span.bytes)
            let error = self.error { () throws(EtcdError) in
                try RequestValidation.check(wire, opsMax: 128)
            }
            let expected = ChangePairs(wire.txn.success).hasConflict
            #expect((error == .duplicateKey) == expected, "\(ops)")
            if expected { refused += 1 }
        }
        #expect((200...1800).contains(refused))
    }

    private func error(_ body: () throws(EtcdError) -> Void) -> EtcdError? {
        do throws(EtcdError) {
            try body()
            return nil
        } catch {
            return error
        }
    }
}

extension EtcdPutRequest {
    fileprivate init(
        ignoringValueAndLease keyBytes: [UInt8],
        value: [UInt8],
        lease: Int64,
        key: [UInt8]? = nil
    ) {
        self.init()
        self.key = Data(key ?? keyBytes)
        self.value = Data(value)
        self.lease = lease
        self.ignoreValue = true
        self.ignoreLease = true
    }
}

/// All changes that a list of operations may make, and which of them exclude each other.
///
/// Conflicts are etcd's: two puts of a key, or a put that a deletion covers, unless they are in
/// different branches of one nested transaction, or the put is in an earlier neighbour of the
/// transaction that holds the deletion.
private struct ChangePairs {
    private struct Step: Hashable {
        /// Which operation of its list; nested transactions are all that is followed further.
        var place: Int
        /// Which branch of the nested transaction.
        var branch: Int
    }

    private struct Change {
        /// The way from the outermost list to this change's own.
        var path: [Step]
        var put: Bytes?
        var deletion: KeyRange?
    }

    private var changes: [Change] = []

    init(_ ops: [RequestOp]) {
        self.gather(ops, [])
    }

    private mutating func gather(_ ops: [RequestOp], _ path: [Step]) {
        for (place, op) in ops.enumerated() {
            switch op {
            case .range: break
            case .put(let put): self.changes.append(Change(path: path, put: put.key))
            case .deleteRange(let deleteRange):
                self.changes.append(Change(path: path, deletion: deleteRange.range))
            case .txn(let txn):
                self.gather(txn.success, path + [Step(place: place, branch: 0)])
                self.gather(txn.failure, path + [Step(place: place, branch: 1)])
            }
        }
    }

    var hasConflict: Bool {
        for (index, a) in self.changes.enumerated() {
            for b in self.changes[(index + 1)...] where self.conflict(a, b) { return true }
        }
        return false
    }

    /// Whether `a` and `b`, in the order of the request, may not go together.
    private func conflict(_ a: Change, _ b: Change) -> Bool {
        let shared = zip(a.path, b.path).prefix { $0 == $1 }.count
        if shared < a.path.count, shared < b.path.count,
            a.path[shared].place == b.path[shared].place
        {
            return false  // Different branches of one transaction.
        }
        switch (a.put, b.put) {
        case (let x?, let y?): return x == y
        case (nil, nil): return false
        case (let key?, nil):
            // A put before a deletion: overlooked if both are in nested neighbours.
            if shared < a.path.count, shared < b.path.count { return false }
            return self.covers(b.deletion, key)
        case (nil, let key?): return self.covers(a.deletion, key)
        }
    }

    private func covers(_ range: KeyRange?, _ key: Bytes) -> Bool {
        switch range {
        case .key, .interval: range?.contains(key) ?? false
        case .from, nil: false
        }
    }
}
