/// The parameters of one statement in PostgreSQL's binary format, one after another in one buffer.
///
/// Integers are big endian. An array is:
///
///     int32 dimensions (1)   int32 whether it has nulls (0)   int32 type of the elements
///     int32 count            int32 first index (1)
///     per element: int32 length, bytes
///
/// PostgreSQL: `array_send` in src/backend/utils/adt/arrayfuncs.c
struct ParameterList {
    /// Where a parameter is in ``bytes``; nil for NULL.
    private var ranges: [Range<Int>?] = []
    /// One byte more than the parameters, so that an empty parameter has an address too.
    private var bytes: [UInt8] = [0]
    private var types: [UInt32] = []

    init(_ values: [PostgresValue]) {
        self.ranges.reserveCapacity(values.count)
        self.types.reserveCapacity(values.count)
        self.bytes.reserveCapacity(values.reduce(1) { $0 + Self.size($1) })
        for value in values {
            self.types.append(value.typeID)
            let start = self.bytes.count
            self.ranges.append(self.append(value) ? start..<self.bytes.count : nil)
        }
    }

    /// Calls `body` with what libpq takes; the pointers are valid until it returns.
    func withPointers<R>(
        _ body: (
            _ count: CInt, _ types: UnsafePointer<UInt32>?,
            _ values: UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<CInt>?,
            _ formats: UnsafePointer<CInt>?
        ) -> R
    ) -> R {
        self.bytes.withUnsafeBytes { buffer in
            let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            let pointers = self.ranges.map { range in
                range.flatMap { range in start.map { $0 + range.lowerBound } }
            }
            let lengths = self.ranges.map { CInt($0?.count ?? 0) }
            let formats = [CInt](repeating: 1, count: lengths.count)
            return body(CInt(lengths.count), self.types, pointers, lengths, formats)
        }
    }

    /// An upper bound for the bytes of `value`.
    private static func size(_ value: PostgresValue) -> Int {
        switch value {
        case .null: 0
        case .int8, .int4, .bool: 8
        case .text(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .int8s(let values): 20 + 12 * values.count
        case .int4s(let values): 20 + 8 * values.count
        case .texts(let texts): texts.reduce(20) { $0 + 4 + $1.utf8.count }
        case .byteArrays(let values): values.reduce(20) { $0 + 4 + $1.count }
        }
    }

    /// - Returns: whether there is a value, even an empty one.
    private mutating func append(_ value: PostgresValue) -> Bool {
        switch value {
        case .null: return false
        case .int8(let value): self.append(value)
        case .int4(let value): self.append(value)
        case .bool(let value): self.bytes.append(value ? 1 : 0)
        case .text(let value): self.bytes.append(contentsOf: value.utf8)
        case .bytes(let value): self.bytes.append(contentsOf: value)
        case .int8s(let values):
            self.appendArray(of: .int8(0), count: values.count)
            for value in values {
                self.append(Int32(8))
                self.append(value)
            }
        case .int4s(let values):
            self.appendArray(of: .int4(0), count: values.count)
            for value in values {
                self.append(Int32(4))
                self.append(value)
            }
        case .texts(let values):
            self.appendArray(of: .text(""), count: values.count)
            for value in values {
                self.append(Int32(value.utf8.count))
                self.bytes.append(contentsOf: value.utf8)
            }
        case .byteArrays(let values):
            self.appendArray(of: .bytes([]), count: values.count)
            for value in values {
                self.append(Int32(value.count))
                self.bytes.append(contentsOf: value)
            }
        }
        return true
    }

    private mutating func appendArray(of element: PostgresValue, count: Int) {
        // An array without elements has no dimension either.
        self.append(Int32(count == 0 ? 0 : 1))
        self.append(Int32(0))
        self.append(element.typeID)
        guard count > 0 else { return }
        self.append(Int32(count))
        self.append(Int32(1))
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { self.bytes.append(contentsOf: $0) }
    }
}
