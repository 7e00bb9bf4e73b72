import ByreCore
import EtcdAPI
import EtcdServer
import Foundation
import Testing

/// What the encoders of the hot path write is, byte for byte, what the generated ones write.
@Suite struct ResponseEncodingTests {
    static let rounds = 300

    @Test func rangeIsTheSame() {
        var results = RandomResults(seed: 21)
        for _ in 0..<Self.rounds {
            let result = results.range(depth: 0)
            let header = results.header()
            #expect(result.encoded(header) == EtcdRangeResponse(result, header).encoded())
            #expect(
                result.encodedLength(header) == EtcdRangeResponse(result, header).encoded().count
            )
        }
    }

    @Test func aPointIsARangeOfOnePair() {
        var results = RandomResults(seed: 27)
        for _ in 0..<Self.rounds {
            let header = results.header()
            let kv = results.range(depth: 0).kvs.first
            let range = RangeResult(
                headerRevision: 1,
                kvs: kv.map { [$0] } ?? [],
                more: false,
                count: kv == nil ? 0 : 1,
                keysOnly: false
            )
            #expect(PointResult(kv).encoded(header) == range.encoded(header))
            #expect(PointResult(kv).encodedLength(header) == range.encodedLength(header))
        }
    }

    @Test func rangeInPiecesIsTheWhole() {
        var results = RandomResults(seed: 22)
        for _ in 0..<Self.rounds {
            let result = results.range(depth: 0)
            let header = results.header()
            var writer = WireWriter(length: result.streamedLength(header))
            header.encode(into: &writer)
            for kv in result.kvs {
                kv.encodeHead(
                    field: RangeResult.kvsField,
                    valueLength: result.valueLength(of: kv),
                    into: &writer
                )
                writer.encoded(kv.value ?? [])
                kv.encodeTail(into: &writer)
            }
            result.encodeEnd(into: &writer)
            #expect(writer.bytes == result.encoded(header))
            #expect(writer.bytes.count == result.streamedLength(header))
        }
    }

    @Test func putIsTheSame() {
        var results = RandomResults(seed: 23)
        for _ in 0..<Self.rounds {
            let result = results.put()
            let header = results.header()
            #expect(result.encoded(header) == EtcdPutResponse(result, header).encoded())
        }
    }

    @Test func deleteRangeIsTheSame() {
        var results = RandomResults(seed: 24)
        for _ in 0..<Self.rounds {
            let result = results.deleteRange()
            let header = results.header()
            #expect(result.encoded(header) == EtcdDeleteRangeResponse(result, header).encoded())
        }
    }

    @Test func txnIsTheSame() {
        var results = RandomResults(seed: 25)
        for _ in 0..<Self.rounds {
            let result = results.txn(depth: 3)
            let header = results.header()
            let expected = EtcdTxnResponse(result, header).encoded()
            #expect(result.encoded(header) == expected)
            #expect(result.encodedLength(header) == expected.count)
            var writer = WireWriter(length: 0)
            result.encode(header, into: &writer)
            #expect(writer.bytes == expected)
        }
    }

    @Test func leaseResponsesAreTheSame() {
        var results = RandomResults(seed: 26)
        for _ in 0..<Self.rounds {
            let header = results.header()
            let id = results.messages.number()
            let ttl = results.messages.number()

            var grant = EtcdLeaseGrantResponse()
            grant.header = EtcdResponseHeader(header)
            grant.id = id
            grant.ttl = ttl
            let granted = LeaseTTLResponse(id: LeaseID(rawValue: id), ttlSeconds: ttl)
            #expect(granted.encoded(header) == grant.encoded())

            var timeToLive = EtcdLeaseTimeToLiveResponse()
            timeToLive.header = EtcdResponseHeader(header)
            timeToLive.id = id
            timeToLive.ttl = -1
            timeToLive.grantedTtl = ttl
            let keys = [[], results.messages.bytes(), results.messages.bytes()]
            timeToLive.keys = keys.map { Data($0) }
            let left = LeaseTimeToLiveResponse(
                id: LeaseID(rawValue: id),
                ttlSeconds: -1,
                grantedTTLSeconds: ttl,
                keys: keys
            )
            #expect(left.encoded(header) == timeToLive.encoded())

            var leases = EtcdLeaseLeasesResponse()
            leases.header = EtcdResponseHeader(header)
            leases.leases = [id, ttl].map {
                var status = EtcdLeaseStatus()
                status.id = $0
                return status
            }
            let listed = LeaseLeasesResponse(
                leases: [LeaseID(rawValue: id), LeaseID(rawValue: ttl)])
            #expect(listed.encoded(header) == leases.encoded())

            var compaction = EtcdCompactionResponse()
            compaction.header = EtcdResponseHeader(header)
            #expect(HeaderResponse().encoded(header) == compaction.encoded())
        }
    }

    @Test func watchHeadAndEventsMakeTheWholeResponse() {
        var results = RandomResults(seed: 27)
        for _ in 0..<Self.rounds {
            let header = results.header()
            var head = WatchResponseHead(watchID: WatchID(rawValue: results.messages.number()))
            head.created = results.messages.flag()
            head.canceled = results.messages.flag()
            head.compactRevision = results.messages.number()
            head.cancelReason = results.messages.flag() ? "mvcc: watcher range is empty" : ""
            head.fragment = results.messages.flag()
            let events = (0..<3).map { _ in results.event() }
            let withPrevious = results.messages.flag()

            var message = EtcdWatchResponse()
            message.header = EtcdResponseHeader(header)
            message.watchID = head.watchID.rawValue
            message.created = head.created
            message.canceled = head.canceled
            message.compactRevision = head.compactRevision
            message.cancelReason = head.cancelReason
            message.fragment = head.fragment
            message.events = events.map { EtcdEvent($0, withPrevious: withPrevious) }

            let whole =
                head.encoded(header)
                + events.flatMap { $0.encoded(withPrevious: withPrevious) }
            #expect(whole == message.encoded())
            #expect(head.encoded(header).count == head.encodedLength(header))
        }
    }

    /// A nested transaction's header is there but says nothing, as in etcd.
    @Test func nestedHeadersSayTheRevisionAlone() throws {
        let put = ResponseOp.put(PutResult(headerRevision: 9, prevKV: nil))
        let nested = TxnResult(headerRevision: 0, succeeded: true, responses: [put])
        let result = TxnResult(headerRevision: 9, succeeded: true, responses: [.txn(nested), put])
        let header = ResponseHeader(clusterID: 1, memberID: 2, revision: 9, raftTerm: 3)
        let message = try EtcdTxnResponse(decoding: result.encoded(header).span.bytes)
        #expect(message.header.clusterID == 1)
        #expect(message.header.raftTerm == 3)
        let inner = message.responses[0].responseTxn
        #expect(inner.hasHeader)
        #expect(inner.header == EtcdResponseHeader())
        var revisionOnly = EtcdResponseHeader()
        revisionOnly.revision = 9
        #expect(inner.responses[0].responsePut.header == revisionOnly)
        #expect(message.responses[1].responsePut.header == revisionOnly)
    }

    /// A deletion's event has key and mod_revision, nothing else.
    @Test func deletionEventIsBare() throws {
        let event = WatchEvent(
            key: [0x61],
            version: .tombstone(at: Revision(main: 7, sub: 1), row: RowID(rawValue: 3)),
            value: [],
            previous: .none
        )
        let message = try EtcdWatchResponse(
            decoding: event.encoded(withPrevious: true).span.bytes
        )
        var kv = EtcdKeyValue()
        kv.key = Data([0x61])
        kv.modRevision = 7
        var expected = EtcdEvent()
        expected.type = .delete
        expected.kv = kv
        #expect(message.events == [expected])
    }

    @Test(
        arguments: [
            (.created(WatchID(rawValue: 3), revision: 7), 3, 7, true, false, 0, ""),
            (
                .refused(.emptyRange, revision: 7), -1, 7, true, true, 0,
                "mvcc: watcher range is empty"
            ),
            (.canceled(WatchID(rawValue: 3), revision: 7), 3, 7, false, true, 0, ""),
            (.compacted(WatchID(rawValue: 3), compactRevision: 5), 3, 0, false, true, 5, ""),
            (.progress(.invalid, revision: 7), -1, 7, false, false, 0, ""),
        ] as [(WatchResponse, Int64, Int64, Bool, Bool, Int64, String)]
    )
    func watchResponseHasEtcdsHead(
        _ response: WatchResponse,
        _ id: Int64,
        _ revision: Int64,
        _ created: Bool,
        _ canceled: Bool,
        _ compactRevision: Int64,
        _ reason: String
    ) {
        let (head, headerRevision) = response.head
        #expect(head.watchID.rawValue == id)
        #expect(headerRevision == revision)
        #expect(head.created == created)
        #expect(head.canceled == canceled)
        #expect(head.compactRevision == compactRevision)
        #expect(head.cancelReason == reason)
        #expect(!head.fragment)
    }
}
