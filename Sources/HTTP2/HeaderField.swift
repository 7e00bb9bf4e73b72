import CNGHTTP2
import Glibc

/// One header field as nghttp2 holds it: nothing of it is copied.
///
/// A field that a peer sends again is mostly one of HPACK's table, and then the same object each time.
/// Source: <https://nghttp2.org/documentation/nghttp2_rcbuf_incref.html>
package struct HeaderField {
    package let name: HeaderName
    /// What it counts for in a header list: name + value + 32.
    let size: UInt32
    private let nameBuffer: OpaquePointer
    private let valueBuffer: OpaquePointer

    /// Takes note of a field that nghttp2 lends.
    init(_ name: OpaquePointer, _ value: OpaquePointer) {
        let text = Self.bytes(name)
        self.name = HeaderName(text)
        self.size = UInt32(clamping: text.count + Self.bytes(value).count + 32)
        self.nameBuffer = name
        self.valueBuffer = value
    }

    /// The value's bytes; valid until ``SessionBuffers/clear()``.
    package var value: UnsafeRawBufferPointer { Self.bytes(self.valueBuffer) }

    /// The name's bytes; valid until ``SessionBuffers/clear()``.
    package var nameBytes: UnsafeRawBufferPointer { Self.bytes(self.nameBuffer) }

    /// Whether both have the same bytes. They have if they are one object: while one of them is retained,
    /// nothing else takes its place in memory.
    func isSame(as other: HeaderField) -> Bool {
        guard self.name == other.name, self.size == other.size else { return false }
        return Self.areSame(self.nameBuffer, other.nameBuffer)
            && Self.areSame(self.valueBuffer, other.valueBuffer)
    }

    private static func areSame(_ one: OpaquePointer, _ other: OpaquePointer) -> Bool {
        if one == other { return true }
        let (bytes, others) = (self.bytes(one), self.bytes(other))
        guard bytes.count == others.count else { return false }
        guard let start = bytes.baseAddress, let otherStart = others.baseAddress else {
            return true
        }
        return memcmp(start, otherStart, bytes.count) == 0
    }

    /// Keeps the bytes beyond the callback that told of them.
    func retain() {
        nghttp2_rcbuf_incref(self.nameBuffer)
        nghttp2_rcbuf_incref(self.valueBuffer)
    }

    /// Lets go of the bytes.
    func release() {
        nghttp2_rcbuf_decref(self.nameBuffer)
        nghttp2_rcbuf_decref(self.valueBuffer)
    }

    private static func bytes(_ buffer: OpaquePointer) -> UnsafeRawBufferPointer {
        let vector = nghttp2_rcbuf_get_buf(buffer)
        return UnsafeRawBufferPointer(start: vector.base, count: vector.len)
    }
}
