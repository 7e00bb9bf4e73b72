/// Reads the fields of a protobuf message in place.
package struct MessageReader {
    /// A field's number and what it holds.
    package enum Field {
        case number(Int, Int64)
        case bytes(Int, UnsafeRawBufferPointer)
    }

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// The next field; nil at the end, and where the bytes make no sense.
    package mutating func next() -> Field? {
        guard let tag = self.varint() else { return nil }
        let number = Int(tag >> 3)
        switch tag & 7 {
        case 0:
            guard let value = self.varint() else { return nil }
            return .number(number, Int64(bitPattern: value))
        case 2:
            guard let count = self.varint(), count <= UInt64(self.bytes.count - self.position)
            else { return nil }
            let start = self.position
            self.position += Int(count)
            return .bytes(
                number,
                UnsafeRawBufferPointer(rebasing: self.bytes[start..<self.position])
            )
        default: return nil
        }
    }

    private mutating func varint() -> UInt64? {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while self.position < self.bytes.count, shift < 64 {
            let byte = self.bytes[self.position]
            self.position += 1
            result |= UInt64(byte & 127) << shift
            if byte < 128 { return result }
            shift += 7
        }
        return nil
    }
}
