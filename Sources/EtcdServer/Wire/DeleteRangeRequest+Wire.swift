package import ByreCore
package import EtcdAPI

extension DeleteRangeRequest {
    package init(decoding bytes: RawSpan) throws(WireError) {
        var wire = WireDeleteRangeRequest()
        try wire.merge(bytes)
        self = wire.request
    }
}

/// A DeleteRangeRequest as it came: key 1, range_end 2, prev_kv 3.
struct WireDeleteRangeRequest {
    private var key: Bytes = []
    private var rangeEnd: Bytes = []
    private var prevKV = false

    var request: DeleteRangeRequest {
        var request = DeleteRangeRequest(
            range: KeyRange(key: self.key, rangeEnd: self.rangeEnd)
        )
        request.prevKV = self.prevKV
        return request
    }

    /// Adds the fields of `bytes`; what is there already yields to them.
    mutating func merge(_ bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .bytes): self.key = try reader.bytes()
            case (2, .bytes): self.rangeEnd = try reader.bytes()
            case (3, .varint): self.prevKV = try reader.bool()
            default: try reader.skip(field)
            }
        }
    }
}
