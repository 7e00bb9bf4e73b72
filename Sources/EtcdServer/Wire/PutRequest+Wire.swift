package import ByreCore
package import EtcdAPI

/// PutRequest: key 1, value 2, lease 3, prev_kv 4, ignore_value 5, ignore_lease 6.
extension PutRequest {
    /// Decodes a request; of its arrays only key and value are allocated.
    package init(decoding bytes: RawSpan) throws(WireError) {
        self.init(key: [], value: [])
        try self.merge(bytes)
    }

    /// Adds the fields of `bytes`; what is there already yields to them.
    mutating func merge(_ bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .bytes): self.key = try reader.bytes()
            case (2, .bytes): self.value = try reader.bytes()
            case (3, .varint): self.lease = LeaseID(rawValue: try reader.int64())
            case (4, .varint): self.prevKV = try reader.bool()
            case (5, .varint): self.ignoreValue = try reader.bool()
            case (6, .varint): self.ignoreLease = try reader.bool()
            default: try reader.skip(field)
            }
        }
    }
}
