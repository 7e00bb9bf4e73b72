package import ByreCore
package import EtcdAPI

/// RangeResponse: header 1, kvs 2, more 3, count 4.
///
/// Whole, with the values at hand; or in pieces, values coming from elsewhere: the header, for each
/// pair its head, value and tail, then the end. ``streamedLength(_:)`` is the length of all pieces.
extension RangeResult: WireResponse {
    package func encodedLength(_ header: ResponseHeader) -> Int {
        var length = header.encodedLength + self.endLength
        for kv in self.kvs { length += kv.encodedLength(field: RangeResult.kvsField) }
        return length
    }

    package func encode(_ header: ResponseHeader, into writer: inout WireWriter) {
        header.encode(into: &writer)
        for kv in self.kvs { kv.encode(field: RangeResult.kvsField, into: &writer) }
        self.encodeEnd(into: &writer)
    }

    /// The field of a response that holds its pairs.
    package static let kvsField = 2

    /// Length of the whole message once the values are loaded.
    /// - Complexity: O(`kvs.count`).
    package func streamedLength(_ header: ResponseHeader) -> Int {
        var length = header.encodedLength + self.endLength
        for kv in self.kvs {
            length += WireSize.message(
                length: kv.encodedLength(valueLength: self.valueLength(of: kv)),
                field: RangeResult.kvsField
            )
        }
        return length
    }

    /// Bytes of `kv`'s value in this answer, whether at hand or not.
    package func valueLength(of kv: KeyValue) -> Int {
        self.keysOnly ? 0 : Int(kv.version.valueSize)
    }

    /// Writes what comes after the pairs.
    package func encodeEnd(into writer: inout WireWriter) {
        writer.bool(self.more, field: 3)
        writer.int64(self.count, field: 4)
    }

    private var endLength: Int {
        WireSize.bool(self.more, field: 3) + WireSize.int64(self.count, field: 4)
    }
}
