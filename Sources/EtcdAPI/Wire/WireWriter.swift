/// Writes the fields of a message, one after the other, into one array.
///
/// Nested messages are written in place: their length is computed first (``WireSize``) and goes
/// before them. Fields that hold their default are left out, as proto3 wants; so the bytes equal what
/// etcd's encoder makes of the same message if fields are written in the order of their numbers.
package struct WireWriter: Sendable {
    /// The reserved prefix, then what has been written.
    package private(set) var bytes: [UInt8]

    /// Begins with `prefix` zero bytes, which the caller will fill (gRPC's message header has five),
    /// and room for `length` more.
    package init(length: Int, reservingPrefix prefix: Int = 0) {
        self.bytes = [UInt8](capacity: prefix + length) { (output: inout OutputSpan<UInt8>) in
            output.append(repeating: 0, count: prefix)
        }
    }

    /// Forgets what has been written, the prefix too, and keeps the memory.
    package mutating func removeAll() {
        self.bytes.removeAll(keepingCapacity: true)
    }

    /// Writes a number of field `number`, unless it is 0.
    package mutating func uint64(_ value: UInt64, field number: Int) {
        guard value != 0 else { return }
        self.tag(number, .varint)
        self.varint(value)
    }

    package mutating func int64(_ value: Int64, field number: Int) {
        self.uint64(UInt64(bitPattern: value), field: number)
    }

    package mutating func bool(_ value: Bool, field number: Int) {
        self.uint64(value ? 1 : 0, field: number)
    }

    /// Writes bytes, unless there are none.
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
    package mutating func message(length: Int, field number: Int) {
        self.tag(number, .bytes)
        self.varint(UInt64(truncatingIfNeeded: length))
    }

    /// Writes encoded fields as they are.
    package mutating func encoded(_ fields: [UInt8]) {
        self.bytes.append(contentsOf: fields)
    }

    private mutating func tag(_ number: Int, _ type: WireType) {
        self.varint(UInt64(truncatingIfNeeded: number) &<< 3 | UInt64(type.rawValue))
    }

    private mutating func varint(_ value: UInt64) {
        guard value >= 0x80 else {
            self.bytes.append(UInt8(truncatingIfNeeded: value))
            return
        }
        var rest = value
        self.bytes.append(addingCapacity: 10) { (output: inout OutputSpan<UInt8>) in
            while rest >= 0x80 {
                output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest &>>= 7
            }
            output.append(UInt8(truncatingIfNeeded: rest))
        }
    }
}
