package import ByreCore
package import EtcdAPI

/// mvccpb.KeyValue: key 1, create_revision 2, mod_revision 3, version 4, value 5, lease 6.
///
/// The value is nearly the last field, so that a pair can be written in three pieces - head, value,
/// tail - of which only the value may be large, and may come from elsewhere.
extension KeyValue {
    /// Length of the message if its value has `valueLength` bytes.
    package func encodedLength(valueLength: Int) -> Int {
        WireSize.bytes(count: self.key.count, field: 1)
            + WireSize.int64(self.version.createRevision, field: 2)
            + WireSize.int64(self.version.modRevision, field: 3)
            + WireSize.int64(self.version.version, field: 4)
            + WireSize.bytes(count: valueLength, field: 5)
            + WireSize.int64(self.version.lease.rawValue, field: 6)
    }

    /// Length of field `number` holding this pair with the value that is at hand, or none.
    package func encodedLength(field number: Int) -> Int {
        WireSize.message(
            length: self.encodedLength(valueLength: self.value?.count ?? 0),
            field: number
        )
    }

    /// Writes field `number` holding this pair with the value that is at hand, or none.
    package func encode(field number: Int, into writer: inout WireWriter) {
        self.encodeHead(field: number, valueLength: self.value?.count ?? 0, into: &writer)
        if let value { writer.encoded(value) }
        self.encodeTail(into: &writer)
    }

    /// Writes what comes before the value, as the beginning of field `number`.
    package func encodeHead(field number: Int, valueLength: Int, into writer: inout WireWriter) {
        writer.message(length: self.encodedLength(valueLength: valueLength), field: number)
        self.encodeStart(valueLength: valueLength, into: &writer)
    }

    /// Writes the message itself, with the value that is at hand, or none.
    package func encodeContents(into writer: inout WireWriter) {
        self.encodeStart(valueLength: self.value?.count ?? 0, into: &writer)
        if let value { writer.encoded(value) }
        self.encodeTail(into: &writer)
    }

    private func encodeStart(valueLength: Int, into writer: inout WireWriter) {
        writer.bytes(self.key, field: 1)
        let version = self.version
        writer.numbers(4) { numbers in
            numbers.int64(version.createRevision, field: 2)
            numbers.int64(version.modRevision, field: 3)
            numbers.int64(version.version, field: 4)
            if valueLength > 0 { numbers.message(length: valueLength, field: 5) }
        }
    }

    /// Writes what comes after the value.
    package func encodeTail(into writer: inout WireWriter) {
        writer.int64(self.version.lease.rawValue, field: 6)
    }
}
