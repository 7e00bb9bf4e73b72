import ByreCore
import EtcdAPI
import EtcdServer
import Testing

/// The decoders of the hot path agree with the generated ones.
@Suite struct RequestDecodingTests {
    static let rounds = 400

    @Test func rangeMeansTheSame() throws {
        var messages = RandomMessages(seed: 1)
        for _ in 0..<Self.rounds {
            let message = messages.range()
            let wire = try WireRangeRequest(decoding: message.encoded().span.bytes)
            #expect(wire.request == RangeRequest(message))
            #expect(wire.hasKnownSort == message.hasKnownSort)
            #expect(wire.hasKey == !message.key.isEmpty)
        }
    }

    @Test func putMeansTheSame() throws {
        var messages = RandomMessages(seed: 2)
        for _ in 0..<Self.rounds {
            let message = messages.put()
            #expect(
                try PutRequest(decoding: message.encoded().span.bytes) == PutRequest(message)
            )
        }
    }

    @Test func deleteRangeMeansTheSame() throws {
        var messages = RandomMessages(seed: 3)
        for _ in 0..<Self.rounds {
            let message = messages.deleteRange()
            #expect(
                try DeleteRangeRequest(decoding: message.encoded().span.bytes)
                    == DeleteRangeRequest(message)
            )
        }
    }

    @Test func txnMeansTheSame() throws {
        var messages = RandomMessages(seed: 4)
        for _ in 0..<Self.rounds {
            let message = messages.txn()
            #expect(try WireTxn(decoding: message.encoded().span.bytes).txn == Txn(message))
        }
    }

    @Test func watchMeansTheSame() throws {
        var messages = RandomMessages(seed: 5)
        for _ in 0..<Self.rounds {
            let message = messages.watch()
            let request = try WatchRequest(decoding: message.encoded().span.bytes)
            #expect(WatchMeaning(request) == WatchMeaning(message))
        }
    }

    @Test func smallRequestsMeanTheSame() throws {
        var messages = RandomMessages(seed: 6)
        for _ in 0..<Self.rounds {
            var compaction = EtcdCompactionRequest()
            compaction.revision = messages.number()
            compaction.physical = messages.flag()
            let compact = try CompactionRequest(decoding: compaction.encoded().span.bytes)
            #expect(compact.revision == compaction.revision)
            #expect(compact.physical == compaction.physical)

            var grant = EtcdLeaseGrantRequest()
            grant.ttl = messages.number()
            grant.id = messages.number()
            let lease = try LeaseGrantRequest(decoding: grant.encoded().span.bytes)
            #expect(lease.ttlSeconds == grant.ttl)
            #expect(lease.id.rawValue == grant.id)

            var revoke = EtcdLeaseRevokeRequest()
            revoke.id = messages.number()
            let revoked = try LeaseIDRequest(decoding: revoke.encoded().span.bytes)
            #expect(revoked.id.rawValue == revoke.id)

            var timeToLive = EtcdLeaseTimeToLiveRequest()
            timeToLive.id = messages.number()
            timeToLive.keys = messages.flag()
            let left = try LeaseTimeToLiveRequest(decoding: timeToLive.encoded().span.bytes)
            #expect(left.id.rawValue == timeToLive.id)
            #expect(left.keys == timeToLive.keys)
        }
    }

    /// Concatenated messages are their merger: last one wins, lists grow, messages merge.
    @Test func concatenationMerges() throws {
        var messages = RandomMessages(seed: 7)
        for _ in 0..<Self.rounds {
            let range = messages.range().encoded() + messages.range().encoded()
            #expect(
                try WireRangeRequest(decoding: range.span.bytes).request
                    == RangeRequest(EtcdRangeRequest(decoding: range.span.bytes))
            )

            let txn = messages.txn().encoded() + messages.txn().encoded()
            #expect(
                try WireTxn(decoding: txn.span.bytes).txn
                    == Txn(EtcdTxnRequest(decoding: txn.span.bytes))
            )

            // Two operations in one: the last kind, merged if both are of the same.
            let op = messages.op(depth: 2).encoded() + messages.op(depth: 2).encoded()
            var writer = WireWriter(length: op.count + 8)
            writer.bytes(op, field: 2)
            #expect(
                try WireTxn(decoding: writer.bytes.span.bytes).txn
                    == Txn(EtcdTxnRequest(decoding: writer.bytes.span.bytes))
            )

            let watch = messages.watch().encoded() + messages.watch().encoded()
            #expect(
                try WatchMeaning(WatchRequest(decoding: watch.span.bytes))
                    == WatchMeaning(EtcdWatchRequest(decoding: watch.span.bytes))
            )
        }
    }

    @Test func filtersMayComeOneByOne() throws {
        // filters 0 and 1, not packed, then prev_kv.
        let create: [UInt8] = [0x28, 0x00, 0x28, 0x01, 0x30, 0x01]
        var writer = WireWriter(length: 8)
        writer.bytes(create, field: 1)
        let request = try WatchRequest(decoding: writer.bytes.span.bytes)
        guard case .create(let decoded) = request else {
            Issue.record("\(request)")
            return
        }
        #expect(decoded.request.options == [.noPut, .noDelete, .previousKV])
    }
}
