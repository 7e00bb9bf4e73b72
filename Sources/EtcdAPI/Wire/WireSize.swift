/// Lengths of encoded fields, known before anything is written.
///
/// Fields that hold their default take no room, as in proto3; messages always do.
/// - Source: <https://protobuf.dev/programming-guides/encoding/>
@usableFromInline
package enum WireSize {
    /// Length of a number: one byte for each seven bits.
    @inlinable
    package static func varint(_ value: UInt64) -> Int {
        // bits = 64 - leading zeros, at least one; ceil(bits / 7) without a division.
        let bits = 64 &- (value | 1).leadingZeroBitCount
        return (bits &* 9 &+ 64) &>> 6
    }

    /// Length of what precedes a value of field `number`.
    @inlinable
    package static func tag(_ number: Int) -> Int {
        self.varint(UInt64(truncatingIfNeeded: number) &<< 3)
    }

    @inlinable
    package static func uint64(_ value: UInt64, field number: Int) -> Int {
        value == 0 ? 0 : self.tag(number) &+ self.varint(value)
    }

    @inlinable
    package static func int64(_ value: Int64, field number: Int) -> Int {
        self.uint64(UInt64(bitPattern: value), field: number)
    }

    @inlinable
    package static func bool(_ value: Bool, field number: Int) -> Int {
        value ? self.tag(number) &+ 1 : 0
    }

    /// Length of a field of `count` bytes; of a string's UTF-8, too.
    @inlinable
    package static func bytes(count: Int, field number: Int) -> Int {
        count == 0 ? 0 : self.message(length: count, field: number)
    }

    /// Length of a field that holds a message of `length` bytes; not 0 even if that is empty.
    @inlinable
    package static func message(length: Int, field number: Int) -> Int {
        self.tag(number) &+ self.varint(UInt64(truncatingIfNeeded: length)) &+ length
    }
}
