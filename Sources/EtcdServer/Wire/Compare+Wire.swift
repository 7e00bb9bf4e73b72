package import ByreCore
package import EtcdAPI

extension Compare {
    /// Decodes a condition: result 1, target 2, key 3, one of version 4, create_revision 5,
    /// mod_revision 6, value 7 and lease 8, and range_end 64.
    ///
    /// An operand that does not fit the target counts as 0 or empty.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var result: Int32 = 0
        var target: Int32 = 0
        var key: Bytes = []
        var rangeEnd: Bytes = []
        var given = (field: 0, number: Int64(0), bytes: Bytes())

        var reader = WireReader(bytes)
        while let field = try reader.nextField() {
            switch (field.number, field.type) {
            case (1, .varint): result = try reader.int32()
            case (2, .varint): target = try reader.int32()
            case (3, .bytes): key = try reader.bytes()
            case (4, .varint), (5, .varint), (6, .varint), (8, .varint):
                given = (field.number, try reader.int64(), [])
            case (7, .bytes): given = (7, 0, try reader.bytes())
            case (64, .bytes): rangeEnd = try reader.bytes()
            default: try reader.skip(field)
            }
        }

        func number(_ field: Int) -> Int64 { given.field == field ? given.number : 0 }
        let operand: Operand =
            switch target {
            case 0: .version(number(4))
            case 1: .createRevision(number(5))
            case 2: .modRevision(number(6))
            case 3: .value(given.bytes)
            case 4: .lease(number(8))
            default: .unknown
            }
        self.init(
            range: KeyRange(key: key, rangeEnd: rangeEnd),
            result: Compare.Result(wire: result),
            operand: operand
        )
    }
}

extension Compare.Result {
    fileprivate init(wire: Int32) {
        self =
            switch wire {
            case 0: .equal
            case 1: .greater
            case 2: .less
            case 3: .notEqual
            default: .unknown
            }
    }
}
