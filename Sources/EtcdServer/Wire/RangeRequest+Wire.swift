package import ByreCore
package import EtcdAPI

/// A RangeRequest as it came, before its rules were checked.
///
/// key 1, range_end 2, limit 3, revision 4, sort_order 5, sort_target 6, serializable 7, keys_only 8,
/// count_only 9, min_mod_revision 10, max_mod_revision 11, min_create_revision 12,
/// max_create_revision 13.
package struct WireRangeRequest: Hashable, Sendable {
    private var key: Bytes = []
    private var rangeEnd: Bytes = []
    private var sortOrder: Int32 = 0
    private var sortTarget: Int32 = 0
    /// All but the fields above.
    private var rest = RangeRequest(range: .key([]))

    package init(decoding bytes: RawSpan) throws(WireError) {
        try self.merge(bytes)
    }

    init() {}

    /// Whether order and target of the sort are ones that etcd knows.
    package var hasKnownSort: Bool {
        RangeRequest.SortOrder(rawValue: self.sortOrder) != nil
            && RangeRequest.SortTarget(rawValue: self.sortTarget) != nil
    }

    /// The request; unsorted if its sort is unknown, which ``RequestValidation`` does not let pass.
    package var request: RangeRequest {
        var request = self.rest
        request.range = KeyRange(key: self.key, rangeEnd: self.rangeEnd)
        request.sortOrder = RangeRequest.SortOrder(rawValue: self.sortOrder) ?? .none
        request.sortTarget = RangeRequest.SortTarget(rawValue: self.sortTarget) ?? .key
        return request
    }

    /// Whether a key is given.
    package var hasKey: Bool { !self.key.isEmpty }

    /// Adds the fields of `bytes`; what is there already yields to them.
    mutating func merge(_ bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .bytes): self.key = try reader.bytes()
            case (2, .bytes): self.rangeEnd = try reader.bytes()
            case (3, .varint): self.rest.limit = try reader.int64()
            case (4, .varint): self.rest.revision = try reader.int64()
            case (5, .varint): self.sortOrder = try reader.int32()
            case (6, .varint): self.sortTarget = try reader.int32()
            case (7, .varint): self.rest.serializable = try reader.bool()
            case (8, .varint): self.rest.keysOnly = try reader.bool()
            case (9, .varint): self.rest.countOnly = try reader.bool()
            case (10, .varint): self.rest.minModRevision = try reader.int64()
            case (11, .varint): self.rest.maxModRevision = try reader.int64()
            case (12, .varint): self.rest.minCreateRevision = try reader.int64()
            case (13, .varint): self.rest.maxCreateRevision = try reader.int64()
            default: try reader.skip(field)
            }
        }
    }
}
