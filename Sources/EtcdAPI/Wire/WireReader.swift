/// How a field's value is laid out.
/// - Source: <https://protobuf.dev/programming-guides/encoding/#structure>
@usableFromInline
package enum WireType: UInt8, Sendable {
    case varint = 0
    case fixed64 = 1
    /// A length, then that many bytes: bytes, strings, messages, packed numbers.
    case bytes = 2
    case startGroup = 3
    case endGroup = 4
    case fixed32 = 5
}

/// What precedes a field's value.
@usableFromInline
package struct WireField: Hashable, Sendable {
    /// From 1 to 2^29 - 1.
    @usableFromInline package var number: Int
    @usableFromInline package var type: WireType

    @inlinable
    package init(number: Int, type: WireType) {
        self.number = number
        self.type = type
    }
}

/// Walks over the fields of one encoded message, without copying or allocating.
///
/// Any bytes may be read: what is not a message ends in a ``WireError``, never in a trap. What Go's
/// protobuf accepts is accepted, and nothing else; a field of an unexpected wire type is unknown and
/// to be skipped, as in Go.
///
///     while let field = try reader.nextField() {
///         switch (field.number, field.type) {
///         case (1, .bytes): key = try reader.bytes()
///         case (3, .varint): limit = try reader.int64()
///         default: try reader.skip(field)
///         }
///     }
@usableFromInline
package struct WireReader: ~Escapable {
    @usableFromInline let span: RawSpan
    @usableFromInline var position = 0

    /// Begins to read the message that is all of `span`.
    @inlinable
    @_lifetime(copy span)
    package init(_ span: RawSpan) {
        self.span = span
    }

    /// Whether all of the message has been read.
    @inlinable
    package var isAtEnd: Bool { self.position >= self.span.byteCount }

    /// Reads what precedes the next value, or nil at the end of the message.
    ///
    /// The value must then be read by the call that fits its type, or skipped.
    /// - Throws: `malformed` for an impossible number or type; for the end of a group, too, as only
    ///   ``skip(_:)`` enters groups.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func nextField() throws(WireError) -> WireField? {
        guard !self.isAtEnd else { return nil }
        let field = try self.tag()
        guard field.type != .endGroup else { throw .malformed }
        return field
    }

    /// Reads a number of up to 64 bits: at most ten bytes, the last of which holds one bit.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func uint64() throws(WireError) -> UInt64 {
        guard self.position < self.span.byteCount else { throw .malformed }
        let first = self.byte(at: self.position)
        if first < 0x80 {
            self.position &+= 1
            return UInt64(first)
        }
        return try self.longVarint(first)
    }

    @inlinable
    @_lifetime(self: copy self)
    package mutating func int64() throws(WireError) -> Int64 {
        Int64(bitPattern: try self.uint64())
    }

    /// Reads an enum's number; the higher half of a 64-bit number is dropped, as everywhere.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func int32() throws(WireError) -> Int32 {
        Int32(truncatingIfNeeded: try self.uint64())
    }

    @inlinable
    @_lifetime(self: copy self)
    package mutating func bool() throws(WireError) -> Bool {
        try self.uint64() != 0
    }

    /// Reads a length and that many bytes, and copies them.
    @inlinable
    @_lifetime(self: copy self)
    package mutating func bytes() throws(WireError) -> [UInt8] {
        let contents = try self.contents()
        return contents.withUnsafeBytes { [UInt8]($0) }
    }

    /// Reads a length and that many bytes, as a message of its own.
    @inlinable
    @_lifetime(copy self)
    @_lifetime(self: copy self)
    package mutating func message() throws(WireError) -> WireReader {
        WireReader(try self.contents())
    }

    /// Reads a length and that many bytes, and lends them.
    @inlinable
    @_lifetime(copy self)
    @_lifetime(self: copy self)
    package mutating func contents() throws(WireError) -> RawSpan {
        let length = try self.uint64()
        guard length <= UInt64(self.span.byteCount &- self.position) else { throw .malformed }
        let start = self.position
        self.position &+= Int(length)
        return self.span.extracting(start..<self.position)
    }

    /// Passes over the value of `field`, which was the last one read; over all of it if a group.
    /// - Complexity: O(fields) of a group, else O(1).
    @_lifetime(self: copy self)
    @usableFromInline
    package mutating func skip(_ field: WireField) throws(WireError) {
        switch field.type {
        case .varint: _ = try self.uint64()
        case .fixed64: try self.advance(8)
        case .bytes: _ = try self.contents()
        case .fixed32: try self.advance(4)
        case .startGroup: try self.skipGroup(field.number)
        case .endGroup: throw .malformed
        }
    }

    /// How deep groups may nest within a skipped one; Go's bound.
    package static let groupNestingMax = 10_000

    /// Passes over the rest of the group `number` and the groups within it.
    ///
    /// Not recursive: the peer chooses the depth.
    @usableFromInline
    @_lifetime(self: copy self)
    mutating func skipGroup(_ number: Int) throws(WireError) {
        var open = [number]
        while let innermost = open.last {
            let field = try self.tag()
            switch field.type {
            case .startGroup:
                guard open.count < WireReader.groupNestingMax else { throw .malformed }
                open.append(field.number)
            case .endGroup:
                guard field.number == innermost else { throw .malformed }
                open.removeLast()
            default:
                try self.skip(field)
            }
        }
    }

    @inlinable
    @_lifetime(self: copy self)
    mutating func tag() throws(WireError) -> WireField {
        let tag = try self.uint64()
        let number = tag >> 3
        guard number >= 1, number < 1 << 29 else { throw .malformed }
        guard let type = WireType(rawValue: UInt8(tag & 7)) else { throw .malformed }
        return WireField(number: Int(number), type: type)
    }

    /// Reads a varint of two bytes or more, `first` being the one at `position`.
    @usableFromInline
    @_lifetime(self: copy self)
    mutating func longVarint(_ first: UInt8) throws(WireError) -> UInt64 {
        var value = UInt64(first & 0x7f)
        var shift: UInt64 = 7
        var next = self.position &+ 1
        while shift < 63 {
            guard next < self.span.byteCount else { throw .malformed }
            let byte = self.byte(at: next)
            next &+= 1
            value |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 {
                self.position = next
                return value
            }
            shift &+= 7
        }
        guard next < self.span.byteCount else { throw .malformed }
        let last = self.byte(at: next)
        guard last <= 1 else { throw .malformed }
        self.position = next &+ 1
        return value | UInt64(last) &<< 63
    }

    /// Reads one byte of the message; `offset` was compared with the message's length.
    @inlinable
    func byte(at offset: Int) -> UInt8 {
        self.span.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    @inlinable
    @_lifetime(self: copy self)
    mutating func advance(_ count: Int) throws(WireError) {
        guard count <= self.span.byteCount &- self.position else { throw .malformed }
        self.position &+= count
    }
}
