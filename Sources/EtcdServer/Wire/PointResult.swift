package import ByreCore
package import EtcdAPI

/// RangeResponse to a Range of one key, which needs no array for its pair: header 1, kvs 2, count 4.
package struct PointResult: WireResponse {
    /// The pair with its value, if there is one.
    package let kv: KeyValue?

    package init(_ kv: KeyValue?) {
        self.kv = kv
    }

    package func encodedLength(_ header: ResponseHeader) -> Int {
        guard let kv else { return header.encodedLength }
        return header.encodedLength + kv.encodedLength(field: RangeResult.kvsField)
            + WireSize.int64(1, field: 4)
    }

    package func encode(_ header: ResponseHeader, into writer: inout WireWriter) {
        header.encode(into: &writer)
        guard let kv else { return }
        kv.encode(field: RangeResult.kvsField, into: &writer)
        writer.int64(1, field: 4)
    }
}
