/// The Castagnoli CRC-32, as Go's `crc32.MakeTable(crc32.Castagnoli)` computes it.
/// - Source: RFC 3720, appendix B.4.
package struct CRC32C {
    private var remainder = ~UInt32(0)

    package init() {}

    /// Eight tables, so that eight bytes are taken at a step.
    private static let tables: [[UInt32]] = {
        var tables = [[UInt32]](repeating: [UInt32](repeating: 0, count: 256), count: 8)
        for byte in 0..<256 {
            var remainder = UInt32(byte)
            for _ in 0..<8 {
                // The polynomial 0x1EDC6F41, bits reversed.
                remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0x82F6_3B78 : remainder >> 1
            }
            tables[0][byte] = remainder
        }
        for byte in 0..<256 {
            for table in 1..<8 {
                let last = tables[table - 1][byte]
                tables[table][byte] = last >> 8 ^ tables[0][Int(last & 0xFF)]
            }
        }
        return tables
    }()

    package var value: UInt32 { ~self.remainder }

    /// - Complexity: O(`bytes.count`).
    package mutating func update(_ bytes: [UInt8]) {
        let tables = Self.tables
        var remainder = self.remainder
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset + 8 <= bytes.count {
                let low = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                let high = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
                let first = remainder ^ UInt32(littleEndian: low)
                let second = UInt32(littleEndian: high)
                remainder =
                    tables[7][Int(first & 0xFF)] ^ tables[6][Int(first >> 8 & 0xFF)]
                    ^ tables[5][Int(first >> 16 & 0xFF)] ^ tables[4][Int(first >> 24)]
                remainder ^=
                    tables[3][Int(second & 0xFF)] ^ tables[2][Int(second >> 8 & 0xFF)]
                    ^ tables[1][Int(second >> 16 & 0xFF)] ^ tables[0][Int(second >> 24)]
                offset += 8
            }
            while offset < bytes.count {
                remainder =
                    remainder >> 8 ^ tables[0][Int((remainder ^ UInt32(bytes[offset])) & 0xFF)]
                offset += 1
            }
        }
        self.remainder = remainder
    }
}
