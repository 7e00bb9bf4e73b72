import EtcdAPI
import Testing

/// What may and may not be read; the rules are Go's, whose protobuf etcd uses.
@Suite struct WireReaderTests {
    /// Reads all of `bytes`, every field skipped.
    private func skipAll(_ bytes: [UInt8]) throws(WireError) -> [WireField] {
        var fields: [WireField] = []
        var reader = WireReader(bytes.span.bytes)
        while let field = try reader.nextField() {
            fields.append(field)
            try reader.skip(field)
        }
        return fields
    }

    @Test(
        arguments: [
            ("ends in a tag", [0x80]),
            ("ends in a number", [0x08, 0xff]),
            ("no number at all", [0x08]),
            ("number of eleven bytes", [0x08] + [UInt8](repeating: 0x80, count: 10) + [0x00]),
            ("number beyond 64 bits", [0x08] + [UInt8](repeating: 0xff, count: 9) + [0x02]),
            ("field number 0", [0x00, 0x00]),
            ("field number 2^29", [0x80, 0x80, 0x80, 0x80, 0x10, 0x00]),
            ("wire type 6", [0x0e, 0x00]),
            ("wire type 7", [0x0f, 0x00]),
            ("length without bytes", [0x0a, 0x01]),
            ("length beyond the end", [0x0a, 0x03, 0x61, 0x62]),
            ("length of 2^63", [0x0a] + [UInt8](repeating: 0x80, count: 9) + [0x01]),
            ("length of 2^64 - 1", [0x0a] + [UInt8](repeating: 0xff, count: 9) + [0x01]),
            ("short fixed64", [0x09, 1, 2, 3, 4, 5, 6, 7]),
            ("short fixed32", [0x0d, 1, 2, 3]),
            ("end of no group", [0x0c]),
            ("group without an end", [0x0b]),
            ("end of another group", [0x0b, 0x14]),
            ("group that ends around another", [0x0b, 0x13, 0x0c, 0x14]),
            ("broken field in a group", [0x0b, 0x08, 0xff, 0x0c]),
        ] as [(String, [UInt8])]
    )
    func malformedMessageIsRefused(_ what: String, _ bytes: [UInt8]) {
        #expect(throws: WireError.malformed) { try self.skipAll(bytes) }
    }

    @Test(
        arguments: [
            ("empty", [], []),
            ("number", [0x08, 0x00], [1]),
            ("tag longer than need be", [0x88, 0x80, 0x00, 0x00], [1]),
            ("tag of ten bytes", [0x88] + [UInt8](repeating: 0x80, count: 8) + [0x00, 0x00], [1]),
            ("greatest field number", [0xf8, 0xff, 0xff, 0xff, 0x0f, 0x00], [(1 << 29) - 1]),
            ("number of ten bytes", [0x08] + [UInt8](repeating: 0xff, count: 9) + [0x01], [1]),
            ("empty bytes", [0x12, 0x00], [2]),
            ("fixed numbers", [0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4], [1, 2]),
            ("groups", [0x0b, 0x13, 0x08, 0x07, 0x14, 0x0c, 0x18, 0x01], [1, 3]),
        ] as [(String, [UInt8], [Int])]
    )
    func wellFormedMessageIsSkipped(_ what: String, _ bytes: [UInt8], _ fields: [Int]) throws {
        #expect(try self.skipAll(bytes).map(\.number) == fields)
    }

    @Test func groupsNestUpToTheBound() throws {
        func groups(_ depth: Int) -> [UInt8] {
            [UInt8](repeating: 0x0b, count: depth) + [UInt8](repeating: 0x0c, count: depth)
        }
        #expect(try self.skipAll(groups(WireReader.groupNestingMax)).count == 1)
        #expect(throws: WireError.malformed) {
            try self.skipAll(groups(WireReader.groupNestingMax + 1))
        }
    }

    @Test func valuesAreReadBack() throws {
        let bytes: [UInt8] =
            [0x08] + [UInt8](repeating: 0xff, count: 9) + [0x01]
            + [0x10, 0x96, 0x01, 0x18, 0x02, 0x22, 0x02, 0x61, 0x62, 0x2a, 0x02, 0x08, 0x05]
            + [0x30, 0xff, 0xff, 0xff, 0xff, 0x1f]
        var reader = WireReader(bytes.span.bytes)
        #expect(try reader.nextField() == WireField(number: 1, type: .varint))
        #expect(try reader.int64() == -1)
        #expect(try reader.nextField() == WireField(number: 2, type: .varint))
        #expect(try reader.uint64() == 150)
        #expect(try reader.nextField() == WireField(number: 3, type: .varint))
        #expect(try reader.bool())
        #expect(try reader.nextField() == WireField(number: 4, type: .bytes))
        #expect(try reader.bytes() == [0x61, 0x62])
        #expect(try reader.nextField() == WireField(number: 5, type: .bytes))
        var nested = try reader.message()
        #expect(try nested.nextField() == WireField(number: 1, type: .varint))
        #expect(try nested.uint64() == 5)
        #expect(try nested.nextField() == nil)
        #expect(try reader.nextField() == WireField(number: 6, type: .varint))
        // 2^33 - 1: the lower half of the number is all ones.
        #expect(try reader.int32() == -1)
        #expect(try reader.nextField() == nil)
    }
}
