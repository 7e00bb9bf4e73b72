package import ByreCore

/// One line of a ``TxnTable``, read.
///
/// ```
/// put K=V [lease N] [prev] [ignore-value] [ignore-lease]
/// delete RANGE [prev]
/// get RANGE [at N] [limit N] [by TARGET] [asc|desc] [keys] [count]
///           [mod MIN..MAX] [create MIN..MAX]
/// stat RANGE ...                 as get, and shows create, mod, version and lease
/// txn [if COMPARE and ...] then [OP , ...] [else OP , ...]
///                                an OP is put, delete, get, or ( if ... then ... )
/// grant ID ttl N [min N]         ID 0 takes the first free one from `from N` on
/// revoke ID · compact N · defragment
/// alarm KIND MEMBER · disarm KIND MEMBER
/// clean                          takes out what compaction made unreachable
/// changes                        what was changed since this was last asked
/// leases · size · alarms
/// ```
///
/// A RANGE is `a`, `a..c` or `a..`; a key's `\0` is a zero byte. A COMPARE is `FIELD:RANGE` and one of
/// `= != < > ?` and a number or text, where FIELD is `ver`, `create`, `mod`, `value`, `lease` or
/// `unknown`, and `?` stands for a number that etcd's enum does not have.
package enum Statement: Sendable {
    case apply(Operation)
    case get(RangeRequest, isDetailed: Bool)
    case clean
    case changes
    case leases
    case size
    case alarms

    package init(_ text: some StringProtocol) throws(StatementError) {
        var reader = StatementReader(text)
        self = try reader.statement()
    }
}

/// A line that is no ``Statement``.
package struct StatementError: Error, CustomStringConvertible {
    package let description: String
}

/// Reads the words of a ``Statement``.
struct StatementReader {
    private let text: String
    private var words: ArraySlice<Substring>

    init(_ text: some StringProtocol) {
        self.text = String(text)
        self.words = self.text.split(separator: " ")[...]
    }

    mutating func statement() throws(StatementError) -> Statement {
        let statement = try self.start()
        if let word = self.words.first { throw self.error("\(word) is too much") }
        return statement
    }

    private mutating func start() throws(StatementError) -> Statement {
        let word = try self.word("a statement")
        switch word {
        case "put": return .apply(.put(try self.put()))
        case "delete": return .apply(.deleteRange(try self.delete()))
        case "get": return .get(try self.get(), isDetailed: false)
        case "stat": return .get(try self.get(), isDetailed: true)
        case "txn": return .apply(.txn(try self.txn()))
        case "grant": return .apply(try self.grant())
        case "revoke": return .apply(.leaseRevoke(LeaseID(rawValue: try self.number())))
        case "compact": return .apply(.compact(revision: try self.number()))
        case "alarm": return .apply(.alarmActivate(try self.alarm()))
        case "disarm": return .apply(.alarmDeactivate(try self.alarm()))
        case "defragment": return .apply(.defragment)
        case "clean": return .clean
        case "changes": return .changes
        case "leases": return .leases
        case "size": return .size
        case "alarms": return .alarms
        default: throw self.error("\(word) is no statement")
        }
    }

    // MARK: Operations

    private mutating func put() throws(StatementError) -> PutRequest {
        let pair = try self.word("a pair")
        guard let equals = pair.firstIndex(of: "=") else { throw self.error("\(pair) is no pair") }
        var put = PutRequest(
            key: Self.bytes(pair[..<equals]),
            value: Self.bytes(pair[pair.index(after: equals)...])
        )
        while true {
            if self.take("lease") {
                put.lease = LeaseID(rawValue: try self.number())
            } else if self.take("prev") {
                put.prevKV = true
            } else if self.take("ignore-value") {
                put.ignoreValue = true
            } else if self.take("ignore-lease") {
                put.ignoreLease = true
            } else {
                return put
            }
        }
    }

    private mutating func delete() throws(StatementError) -> DeleteRangeRequest {
        var request = DeleteRangeRequest(range: Self.range(try self.word("a range")))
        request.prevKV = self.take("prev")
        return request
    }

    private mutating func get() throws(StatementError) -> RangeRequest {
        var request = RangeRequest(range: Self.range(try self.word("a range")))
        while true {
            if self.take("at") {
                request.revision = try self.number()
            } else if self.take("limit") {
                request.limit = try self.number()
            } else if self.take("by") {
                request.sortTarget = try self.target()
            } else if self.take("asc") {
                request.sortOrder = .ascend
            } else if self.take("desc") {
                request.sortOrder = .descend
            } else if self.take("keys") {
                request.keysOnly = true
            } else if self.take("count") {
                request.countOnly = true
            } else if self.take("mod") {
                (request.minModRevision, request.maxModRevision) = try self.bounds()
            } else if self.take("create") {
                (request.minCreateRevision, request.maxCreateRevision) = try self.bounds()
            } else {
                return request
            }
        }
    }

    private mutating func txn() throws(StatementError) -> Txn {
        var txn = Txn()
        if self.take("if") {
            repeat { txn.compare.append(try self.compare()) } while self.take("and")
        }
        if self.take("then") { txn.success = try self.ops() }
        if self.take("else") { txn.failure = try self.ops() }
        return txn
    }

    private mutating func ops() throws(StatementError) -> [RequestOp] {
        var ops: [RequestOp] = []
        repeat {
            switch self.words.first {
            case "put":
                self.words.removeFirst()
                ops.append(.put(try self.put()))
            case "delete":
                self.words.removeFirst()
                ops.append(.deleteRange(try self.delete()))
            case "get":
                self.words.removeFirst()
                ops.append(.range(try self.get()))
            case "(":
                self.words.removeFirst()
                ops.append(.txn(try self.txn()))
                guard self.take(")") else { throw self.error("a ) is missing") }
            default: return ops
            }
        } while self.take(",")
        return ops
    }

    private mutating func compare() throws(StatementError) -> Compare {
        let word = try self.word("a comparison")
        let pattern = #/(\w+):([^=!<>?]+)(=|!=|<|>|\?)(.*)/#
        guard let match = word.wholeMatch(of: pattern)?.output else {
            throw self.error("\(word) is no comparison")
        }
        let number = Int64(match.4) ?? 0
        let operand: Compare.Operand
        switch match.1 {
        case "ver": operand = .version(number)
        case "create": operand = .createRevision(number)
        case "mod": operand = .modRevision(number)
        case "lease": operand = .lease(number)
        case "value": operand = .value(Self.bytes(match.4))
        case "unknown": operand = .unknown
        default: throw self.error("\(match.1) is no field")
        }
        let result: Compare.Result
        switch match.3 {
        case "=": result = .equal
        case "!=": result = .notEqual
        case "<": result = .less
        case ">": result = .greater
        default: result = .unknown
        }
        return Compare(range: Self.range(match.2), result: result, operand: operand)
    }

    private mutating func grant() throws(StatementError) -> Operation {
        let id = LeaseID(rawValue: try self.number())
        guard self.take("ttl") else { throw self.error("a ttl is missing") }
        let ttl = try self.number()
        let min = self.take("min") ? try self.number() : 0
        let candidate = self.take("from") ? try self.number() : 1
        return .leaseGrant(id: id, ttlSeconds: ttl, minTTLSeconds: min, candidate: candidate)
    }

    private mutating func alarm() throws(StatementError) -> Alarm {
        let word = try self.word("an alarm")
        guard let kind = [Alarm.Kind.noSpace, .corrupt].first(where: { $0.name == word }) else {
            throw self.error("\(word) is no alarm")
        }
        return Alarm(kind, memberID: UInt64(clamping: try self.number()))
    }

    // MARK: Words

    private mutating func word(_ what: String) throws(StatementError) -> Substring {
        guard let word = self.words.popFirst() else { throw self.error("\(what) is missing") }
        return word
    }

    private mutating func take(_ word: Substring) -> Bool {
        guard self.words.first == word else { return false }
        self.words.removeFirst()
        return true
    }

    private mutating func number() throws(StatementError) -> Int64 {
        let word = try self.word("a number")
        guard let number = Int64(word) else { throw self.error("\(word) is no number") }
        return number
    }

    private mutating func bounds() throws(StatementError) -> (Int64, Int64) {
        let word = try self.word("bounds")
        guard let dots = word.firstRange(of: "..") else { throw self.error("\(word): no bounds") }
        return (
            Int64(word[..<dots.lowerBound]) ?? 0,
            Int64(word[dots.upperBound...]) ?? 0
        )
    }

    private mutating func target() throws(StatementError) -> RangeRequest.SortTarget {
        let word = try self.word("a sort target")
        switch word {
        case "key": return .key
        case "version": return .version
        case "create": return .createRevision
        case "mod": return .modRevision
        case "value": return .value
        default: throw self.error("\(word) is no sort target")
        }
    }

    private static func range(_ word: Substring) -> KeyRange {
        guard let dots = word.firstRange(of: "..") else {
            return KeyRange(key: self.bytes(word), rangeEnd: [])
        }
        let end = word[dots.upperBound...]
        return KeyRange(
            key: self.bytes(word[..<dots.lowerBound]),
            rangeEnd: end.isEmpty ? [0] : self.bytes(end)
        )
    }

    private static func bytes(_ word: Substring) -> Bytes {
        Bytes(word.replacing(#"\0"#, with: "\0").utf8)
    }

    private func error(_ what: String) -> StatementError {
        StatementError(description: "\(self.text): \(what)")
    }
}
