import ByreCore
import EtcdAPI
import EtcdServer
import Testing

/// Any bytes can be decoded, into a request or an error.
///
/// What the decoders of the hot path accept is what the generated ones accept, with three exceptions
/// in which Go's protobuf, and so etcd, differs from SwiftProtobuf: a number of ten bytes whose last
/// one holds more than a bit is malformed; a tag of more than five bytes is not; messages may nest
/// deeper. The first two need five bytes in a row with the highest bit set, so bytes that have such a
/// row are decoded but not compared.
@Suite struct HostileBytesTests {
    static let rounds = 6000

    private func isComparable(_ bytes: [UInt8]) -> Bool {
        var row = 0
        for byte in bytes {
            row = byte >= 0x80 ? row + 1 : 0
            if row >= 5 { return false }
        }
        return true
    }

    /// Changes, inserts, removes or repeats a few bytes.
    private func mutate(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            let rest = bytes.count - place
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where rest > 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1 where rest > 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 3 where rest > 0: bytes.remove(at: place)
            case 4: bytes.removeLast(min(rest, Int.random(in: 0...8, using: &random)))
            default:
                bytes.insert(contentsOf: bytes[place...].prefix(16), at: place)
            }
        }
        return bytes
    }

    /// Decodes mutants of what `message` makes with both decoders and compares.
    private func check<Meaning: Equatable>(
        seed: UInt64,
        _ message: (inout RandomMessages) -> [UInt8],
        hand: (RawSpan) throws(WireError) -> Meaning,
        generated: (RawSpan) throws(WireError) -> Meaning
    ) {
        var messages = RandomMessages(seed: seed)
        messages.allowsNegative = false
        var accepted = 0
        var refused = 0
        for _ in 0..<Self.rounds {
            let bytes = self.mutate(message(&messages), &messages.random)
            var decoded: Meaning?
            do throws(WireError) { decoded = try hand(bytes.span.bytes) } catch {}
            guard self.isComparable(bytes) else { continue }
            var expected: Meaning?
            do throws(WireError) { expected = try generated(bytes.span.bytes) } catch {}
            #expect(decoded == expected, "\(bytes)")
            if decoded == nil { refused += 1 } else { accepted += 1 }
        }
        // Both outcomes were seen, often.
        #expect(accepted > Self.rounds / 20)
        #expect(refused > Self.rounds / 20)
    }

    @Test func rangeMutants() {
        self.check(
            seed: 11,
            { $0.range().encoded() },
            hand: { (bytes) throws(WireError) in try WireRangeRequest(decoding: bytes).request },
            generated: { (bytes) throws(WireError) in
                RangeRequest(try EtcdRangeRequest(decoding: bytes))
            }
        )
    }

    @Test func putMutants() {
        self.check(
            seed: 12,
            { $0.put().encoded() },
            hand: { (bytes) throws(WireError) in try PutRequest(decoding: bytes) },
            generated: { (bytes) throws(WireError) in
                PutRequest(try EtcdPutRequest(decoding: bytes))
            }
        )
    }

    @Test func deleteRangeMutants() {
        self.check(
            seed: 13,
            { $0.deleteRange().encoded() },
            hand: { (bytes) throws(WireError) in try DeleteRangeRequest(decoding: bytes) },
            generated: { (bytes) throws(WireError) in
                DeleteRangeRequest(try EtcdDeleteRangeRequest(decoding: bytes))
            }
        )
    }

    @Test func txnMutants() {
        self.check(
            seed: 14,
            { $0.txn().encoded() },
            hand: { (bytes) throws(WireError) in try WireTxn(decoding: bytes).txn },
            generated: { (bytes) throws(WireError) in
                Txn(try EtcdTxnRequest(decoding: bytes))
            }
        )
    }

    @Test func watchMutants() {
        self.check(
            seed: 15,
            { $0.watch().encoded() },
            hand: { (bytes) throws(WireError) in
                WatchMeaning(try WatchRequest(decoding: bytes))
            },
            generated: { (bytes) throws(WireError) in
                WatchMeaning(try EtcdWatchRequest(decoding: bytes))
            }
        )
    }

    /// Plain noise, decoded as everything.
    @Test func noiseIsDecodedOrRefused() {
        var random = SeededRandom(seed: 16)
        for _ in 0..<Self.rounds {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
                    & (Bool.random(using: &random) ? 0x7f : 0xff)
            }
            _ = try? WireRangeRequest(decoding: bytes.span.bytes)
            _ = try? PutRequest(decoding: bytes.span.bytes)
            _ = try? DeleteRangeRequest(decoding: bytes.span.bytes)
            _ = try? WireTxn(decoding: bytes.span.bytes)
            _ = try? WatchRequest(decoding: bytes.span.bytes)
            _ = try? CompactionRequest(decoding: bytes.span.bytes)
            _ = try? LeaseGrantRequest(decoding: bytes.span.bytes)
            _ = try? LeaseIDRequest(decoding: bytes.span.bytes)
            _ = try? LeaseTimeToLiveRequest(decoding: bytes.span.bytes)
        }
    }

    /// A transaction nested `levels` times, as the bytes of a TxnRequest.
    private func nested(_ levels: Int) -> [UInt8] {
        var txn: [UInt8] = []
        for _ in 0..<levels {
            var op = WireWriter(length: txn.count + 8)
            op.message(length: txn.count, field: 4)
            op.encoded(txn)
            var outer = WireWriter(length: op.bytes.count + 8)
            outer.message(length: op.bytes.count, field: 2)
            outer.encoded(op.bytes)
            txn = outer.bytes
        }
        return txn
    }

    /// As etcd, which was asked: 128 levels are let pass, more are too many operations.
    @Test(arguments: [
        (0, true), (1, true), (128, true), (129, false), (130, false), (20_000, false),
    ])
    func nestingIsBounded(_ levels: Int, _ passes: Bool) throws {
        let wire = try WireTxn(decoding: self.nested(levels).span.bytes)
        if passes {
            try RequestValidation.check(wire, opsMax: 128)
        } else {
            #expect(throws: EtcdError.tooManyOps) {
                try RequestValidation.check(wire, opsMax: 128)
            }
        }
    }
}
