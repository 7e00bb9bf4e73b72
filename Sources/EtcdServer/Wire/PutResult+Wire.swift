package import ByreCore
package import EtcdAPI

/// PutResponse: header 1, prev_kv 2.
extension PutResult: WireResponse {
    package func encodedLength(_ header: ResponseHeader) -> Int {
        header.encodedLength + (self.prevKV?.encodedLength(field: 2) ?? 0)
    }

    package func encode(_ header: ResponseHeader, into writer: inout WireWriter) {
        header.encode(into: &writer)
        self.prevKV?.encode(field: 2, into: &writer)
    }
}

/// DeleteRangeResponse: header 1, deleted 2, prev_kvs 3.
extension DeleteRangeResult: WireResponse {
    package func encodedLength(_ header: ResponseHeader) -> Int {
        var length = header.encodedLength + WireSize.int64(self.deleted, field: 2)
        for kv in self.prevKVs { length += kv.encodedLength(field: 3) }
        return length
    }

    package func encode(_ header: ResponseHeader, into writer: inout WireWriter) {
        header.encode(into: &writer)
        writer.int64(self.deleted, field: 2)
        for kv in self.prevKVs { kv.encode(field: 3, into: &writer) }
    }
}
