import EtcdAPI
import Foundation

/// Transactions in a line: `compares | success | failure`, each a list of words.
///
/// `c` a condition · `p1` put of key "1" · `d1` deletion of "1", `d1-3` up to "3", `d1-*` without
/// end · `r1` range · `s1` range of unknown sort · `v1`, `l1` puts that keep value or lease and bring one ·
/// `u` no operation at all · `( ... | ... | ... )` a transaction. `!` instead of a key: no key.
struct TxnShorthand {
    struct Unreadable: Error {
        let word: String
    }

    private var words: ArraySlice<Substring>

    static func txn(_ line: String) throws -> EtcdTxnRequest {
        var reader = TxnShorthand(words: line.split(separator: " ")[...])
        let txn = try reader.txn()
        guard reader.words.isEmpty else { throw Unreadable(word: String(reader.words[0])) }
        return txn
    }

    private mutating func txn() throws -> EtcdTxnRequest {
        var txn = EtcdTxnRequest()
        while let word = self.words.popFirst(), word != "|" {
            var compare = EtcdCompare()
            compare.key = Data(try self.key(word.dropFirst().isEmpty ? "k" : word.dropFirst()))
            txn.compare.append(compare)
        }
        while let word = self.words.popFirst(), word != "|" {
            txn.success.append(try self.op(word))
        }
        while let word = self.words.popFirst(), word != ")" {
            txn.failure.append(try self.op(word))
        }
        return txn
    }

    private mutating func op(_ word: Substring) throws -> EtcdRequestOp {
        var op = EtcdRequestOp()
        let key = word.dropFirst()
        switch word.first {
        case "(":
            op.requestTxn = try self.txn()
        case "u":
            break
        case "p", "v", "l":
            op.requestPut.key = Data(try self.key(key))
            op.requestPut.value = Data([1])
            op.requestPut.lease = word.first == "l" ? 1 : 0
            op.requestPut.ignoreValue = word.first == "v"
            op.requestPut.ignoreLease = word.first == "l"
        case "r", "s":
            op.requestRange.key = Data(try self.key(key))
            if word.first == "s" { op.requestRange.sortOrder = .UNRECOGNIZED(9) }
        case "d":
            let ends = key.split(separator: "-")
            op.requestDeleteRange.key = Data(try self.key(ends[0]))
            if ends.count > 1 {
                op.requestDeleteRange.rangeEnd = Data(ends[1] == "*" ? [0] : Array(ends[1].utf8))
            }
        default:
            throw Unreadable(word: String(word))
        }
        return op
    }

    private func key(_ word: Substring) throws -> [UInt8] {
        guard !word.isEmpty else { throw Unreadable(word: "a key is missing") }
        return word == "!" ? [] : Array(word.utf8)
    }

    /// A list of puts, deletions and nested transactions over few keys.
    static func randomOps(depth: Int, _ random: inout SeededRandom) -> String {
        (0..<Int.random(in: 0...3, using: &random)).map { _ in
            let key = Int.random(in: 1...30, using: &random)
            switch Int.random(in: 0..<(depth > 0 ? 6 : 4), using: &random) {
            case 0, 1: return "p\(key)"
            case 2: return "d\(key)"
            case 3:
                let end = Int.random(in: 1...30, using: &random)
                return "d\(key)-\(end == 30 ? "*" : String(end))"
            default:
                let success = Self.randomOps(depth: depth - 1, &random)
                let failure = Self.randomOps(depth: depth - 1, &random)
                return "( | \(success) | \(failure) )"
            }
        }.joined(separator: " ")
    }
}
