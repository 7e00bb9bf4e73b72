/// Writes the fields of a message, one after the other, into one array.
///
/// Nested messages are written in place: their length is computed first (``WireSize``) and goes
/// before them. Fields that hold their default are left out, as proto3 wants; so the bytes equal what
/// etcd's encoder makes of the same message if fields are written in the order of their numbers.
///
/// Inlinable, as ``WireReader`` and ``WireSize``: a call per field across modules costs the encoding of
/// a list of 500 pairs a third of its instructions.
@usableFromInline
package struct WireWriter: Sendable {
    /// The reserved prefix, then what has been written.
    @usableFromInline package internal(set) var bytes: [UInt8]

    /// Begins with `prefix` zero bytes, which the caller will fill (gRPC's message header has five),
    /// and room for `length` more.
    @inlinable
    package init(length: Int, reservingPrefix prefix: Int = 0) {
        let room = prefix + length + WireWriter.numbersMax &* WireWriter.pairLengthMax
        // An array that is filled as it is made asks the runtime for its type each time.
        self.bytes = []
        self.bytes.reserveCapacity(room)
        self.bytes.append(contentsOf: repeatElement(0, count: prefix))
    }

    /// Forgets what has been written, the prefix too, and keeps the memory.
    @inlinable
    package mutating func removeAll() {
        self.bytes.removeAll(keepingCapacity: true)
    }

    /// Writes a number of field `number`, unless it is 0.
    @inlinable
    package mutating func uint64(_ value: UInt64, field number: Int) {
        guard value != 0 else { return }
        self.pair(number, .varint, value)
    }

    @inlinable
    package mutating func int64(_ value: Int64, field number: Int) {
        self.uint64(UInt64(bitPattern: value), field: number)
    }

    @inlinable
    package mutating func bool(_ value: Bool, field number: Int) {
        self.uint64(value ? 1 : 0, field: number)
    }

    /// Writes bytes, unless there are none.
    @inlinable
    package mutating func bytes(_ value: [UInt8], field number: Int) {
        guard !value.isEmpty else { return }
        self.message(length: value.count, field: number)
        self.bytes.append(contentsOf: value)
    }

    package mutating func string(_ value: String, field number: Int) {
        var value = value
        value.withUTF8 { utf8 in
            guard !utf8.isEmpty else { return }
            self.message(length: utf8.count, field: number)
            self.bytes.append(contentsOf: utf8)
        }
    }

    /// Writes what precedes a message of `length` bytes, which the caller writes next.
    @inlinable
    package mutating func message(length: Int, field number: Int) {
        self.pair(number, .bytes, UInt64(truncatingIfNeeded: length))
    }

    /// Writes encoded fields as they are.
    @inlinable
    package mutating func encoded(_ fields: [UInt8]) {
        self.bytes.append(contentsOf: fields)
    }

    /// Writes some numbers, and what precedes messages, with one look at the memory.
    /// - Parameters:
    ///   - countMax: most fields that `body` writes. Up to ``numbersMax``, a writer that was told its length
    ///     does not need more memory for them.
    @inlinable
    @inline(__always)
    package mutating func numbers(_ countMax: Int, _ body: (inout WireNumbers) -> Void) {
        let room = countMax &* WireWriter.pairLengthMax
        self.bytes.append(addingCapacity: room) { (output: inout OutputSpan<UInt8>) in
            output.withUnsafeMutableBufferPointer { buffer, count in
                var numbers = WireNumbers(buffer)
                body(&numbers)
                count = numbers.count
            }
        }
    }

    /// Length of a tag and a number, at most; asked for before each, whatever they take.
    @inlinable static var pairLengthMax: Int { 20 }

    /// Numbers that are written at once, for which there is room to spare in the beginning.
    @inlinable static var numbersMax: Int { 5 }

    /// Writes a tag and a number.
    @inlinable
    mutating func pair(_ number: Int, _ type: WireType, _ value: UInt64) {
        self.numbers(1) { $0.pair(number, type, value) }
    }
}

/// Writes numbers of one message into memory that has room for them; see ``WireWriter/numbers(_:_:)``.
@usableFromInline
package struct WireNumbers {
    @usableFromInline let buffer: UnsafeMutableBufferPointer<UInt8>
    /// Bytes written.
    @usableFromInline var count = 0

    @inlinable
    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
        self.buffer = buffer
    }

    /// Writes a number of field `number`, unless it is 0.
    @inlinable
    @inline(__always)
    package mutating func uint64(_ value: UInt64, field number: Int) {
        guard value != 0 else { return }
        self.pair(number, .varint, value)
    }

    @inlinable
    @inline(__always)
    package mutating func int64(_ value: Int64, field number: Int) {
        self.uint64(UInt64(bitPattern: value), field: number)
    }

    /// Writes what precedes a message of `length` bytes.
    @inlinable
    @inline(__always)
    package mutating func message(length: Int, field number: Int) {
        self.pair(number, .bytes, UInt64(truncatingIfNeeded: length))
    }

    @inlinable
    @inline(__always)
    mutating func pair(_ number: Int, _ type: WireType, _ value: UInt64) {
        let tag = UInt64(truncatingIfNeeded: number) &<< 3 | UInt64(type.rawValue)
        precondition(
            self.buffer.count &- self.count >= WireWriter.pairLengthMax,
            "more numbers than room was asked for"
        )
        self.store(tag)
        self.store(value)
    }

    /// Stores a number, for which there is room.
    @inlinable
    @inline(__always)
    mutating func store(_ number: UInt64) {
        guard let start = self.buffer.baseAddress else { return }
        var next = start + self.count
        var rest = number
        while rest >= 0x80 {
            next.pointee = UInt8(truncatingIfNeeded: rest) | 0x80
            next += 1
            rest &>>= 7
        }
        next.pointee = UInt8(truncatingIfNeeded: rest)
        self.count = next - start &+ 1
    }
}
