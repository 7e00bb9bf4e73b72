package import EtcdAPI

/// CompactionRequest: revision 1, physical 2.
package struct CompactionRequest: Hashable, Sendable {
    /// Revision up to which superseded versions are forgotten.
    package var revision: Int64 = 0
    /// Answer only once the space is free.
    package var physical = false

    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .varint): self.revision = try reader.int64()
            case (2, .varint): self.physical = try reader.bool()
            default: try reader.skip(field)
            }
        }
    }
}
