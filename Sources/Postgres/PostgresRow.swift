/// One row of an answer; columns are numbered from 0.
///
/// The statement decides the types of its columns, so that asking for another one is a fault of
/// the program. NULL reads as zero, false or empty: ask ``isNull(_:)`` first where it can occur.
package struct PostgresRow {
    let result: PostgresResult
    let row: Int

    package var columnCount: Int { self.result.columnCount }

    package func isNull(_ column: Int) -> Bool {
        self.result.field(row: self.row, column: column) == nil
    }

    /// An integer of two, four or eight bytes.
    package func int64(_ column: Int) -> Int64 {
        guard let field = self.result.field(row: self.row, column: column) else { return 0 }
        return Self.integer(field)
    }

    /// An integer of two or four bytes.
    package func int32(_ column: Int) -> Int32 { Int32(self.int64(column)) }

    package func bool(_ column: Int) -> Bool {
        guard let field = self.result.field(row: self.row, column: column) else { return false }
        precondition(field.count == 1, "the column is no boolean")
        return field[0] != 0
    }

    package func text(_ column: Int) -> String {
        self.withBytes(column) { String(decoding: $0, as: UTF8.self) }
    }

    /// A copy of the bytes.
    package func bytes(_ column: Int) -> [UInt8] { self.withBytes(column) { [UInt8]($0) } }

    /// The bytes, valid until `body` returns.
    package func withBytes<R>(_ column: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        body(
            self.result.field(row: self.row, column: column)
                ?? UnsafeRawBufferPointer(start: nil, count: 0)
        )
    }

    /// An array of integers of four or eight bytes, without NULL in it.
    package func int64s(_ column: Int) -> [Int64] {
        self.elements(column).map(Self.integer)
    }

    /// An array of texts, without NULL in it.
    package func texts(_ column: Int) -> [String] {
        self.elements(column).map { String(decoding: $0, as: UTF8.self) }
    }

    /// An array of bytes, without NULL in it.
    package func byteArrays(_ column: Int) -> [[UInt8]] {
        self.elements(column).map { [UInt8]($0) }
    }

    /// The elements of an array: ``ParameterList`` says how they are written.
    private func elements(_ column: Int) -> [UnsafeRawBufferPointer] {
        guard let field = self.result.field(row: self.row, column: column) else { return [] }
        var position = 0
        func next(_ count: Int) -> UnsafeRawBufferPointer {
            precondition(
                count >= 0 && count <= field.count - position,
                "the column is no array of this type"
            )
            defer { position += count }
            return UnsafeRawBufferPointer(rebasing: field[position..<position + count])
        }
        func nextInteger() -> Int { Int(Self.integer(next(4))) }
        let dimensions = nextInteger()
        _ = next(8)
        guard dimensions > 0 else { return [] }
        precondition(dimensions == 1, "the array has several dimensions")
        let count = nextInteger()
        _ = next(4)
        var elements: [UnsafeRawBufferPointer] = []
        elements.reserveCapacity(min(count, field.count / 4))
        for _ in 0..<count { elements.append(next(nextInteger())) }
        return elements
    }

    private static func integer(_ field: UnsafeRawBufferPointer) -> Int64 {
        switch field.count {
        case 8: Int64(bigEndian: field.loadUnaligned(as: Int64.self))
        case 4: Int64(Int32(bigEndian: field.loadUnaligned(as: Int32.self)))
        case 2: Int64(Int16(bigEndian: field.loadUnaligned(as: Int16.self)))
        default: preconditionFailure("the column is no integer")
        }
    }
}
