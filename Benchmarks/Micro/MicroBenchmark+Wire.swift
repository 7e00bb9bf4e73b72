import ByreCore
import EtcdAPI
import EtcdServer

extension MicroBenchmark {
    /// Decodes a kube-apiserver's update of 1 KiB.
    static let decodeUpdate = MicroBenchmark(name: "decode-update", iterations: 10_000) {
        let key = MicroKeys.key(1)
        var compare = WireWriter(length: 0)
        compare.int64(2, field: 2)
        compare.bytes(key, field: 3)
        compare.int64(4_711, field: 6)
        var put = WireWriter(length: 0)
        put.bytes(key, field: 1)
        put.bytes(MicroKeys.value, field: 2)
        var success = WireWriter(length: 0)
        success.bytes(put.bytes, field: 2)
        var get = WireWriter(length: 0)
        get.bytes(key, field: 1)
        var failure = WireWriter(length: 0)
        failure.bytes(get.bytes, field: 1)
        var message = WireWriter(length: 0)
        message.bytes(compare.bytes, field: 1)
        message.bytes(success.bytes, field: 2)
        message.bytes(failure.bytes, field: 3)
        let bytes = message.bytes
        return { _ in
            let decoded = try WireTxn(decoding: bytes.span.bytes)
            guard decoded.txn.success.count == 1 else {
                throw Surprise(what: "an operation is lost")
            }
        }
    }

    /// Encodes a page of 500 pairs of 1 KiB.
    static let encodeList = MicroBenchmark(name: "encode-list", iterations: 100) {
        let pairs = (0..<500).map { number in
            KeyValue(
                key: MicroKeys.key(number),
                version: Version(
                    modRevision: Int64(number) + 1_000,
                    sub: 0,
                    valueSize: UInt32(MicroKeys.value.count),
                    createRevision: Int64(number) + 1,
                    version: 3,
                    lease: .none,
                    row: RowID(rawValue: Int64(number) + 1)
                ),
                value: MicroKeys.value
            )
        }
        let result = RangeResult(
            headerRevision: 2_000,
            kvs: pairs,
            more: true,
            count: 10_000,
            keysOnly: false
        )
        let header = ResponseHeader(clusterID: 1, memberID: 2, revision: 2_000, raftTerm: 1)
        let length = result.encodedLength(header)
        return { _ in
            let bytes = result.encoded(header, reservingPrefix: 5)
            guard bytes.count == length + 5 else { throw Surprise(what: "a length is wrong") }
        }
    }
}
