/// What a request carries besides the fields that HTTP/2 and gRPC use themselves, and its authority.
///
/// Requests of a connection mostly carry the same metadata, so one object serves as many of them as
/// have the same bytes: see ``matches(_:)``.
package final class Metadata: Sendable {
    /// A request without any.
    package static let empty = Metadata(MetadataBytes())

    private let encoded: [UInt8]

    /// Keeps a copy of `fields`.
    package init(_ fields: MetadataBytes) {
        self.encoded = fields.bytes
    }

    /// Whether this is the metadata that `fields` make.
    /// - Complexity: O(bytes).
    package func matches(_ fields: MetadataBytes) -> Bool {
        self.encoded == fields.bytes
    }

    /// The first value of the field `name` (lower case) as text.
    /// - Complexity: O(bytes).
    package func value(_ name: String) -> String? {
        self.range(of: name).map { String(decoding: self.encoded[$0], as: UTF8.self) }
    }

    /// The first value of a field whose name ends in `-bin`, decoded; nil if there is none or it is
    /// not base64.
    /// - Complexity: O(bytes).
    package func binaryValue(_ name: String) -> [UInt8]? {
        self.range(of: name).flatMap { Base64.decode(self.encoded[$0]) }
    }

    private func range(of name: String) -> Range<Int>? {
        var position = 0
        while position < self.encoded.count {
            let nameCount = MetadataBytes.count(in: self.encoded, at: position)
            let valueCount = MetadataBytes.count(in: self.encoded, at: position + 4)
            let start = position + MetadataBytes.headerCount
            let valueStart = start + nameCount
            position = valueStart + valueCount
            if self.encoded[start..<valueStart].elementsEqual(name.utf8) {
                return valueStart..<position
            }
        }
        return nil
    }
}

/// Metadata being gathered: for each field two four-byte counts, the name and the value.
package struct MetadataBytes: Sendable {
    static let headerCount = 8
    fileprivate var bytes: [UInt8] = []

    package init() {}

    package var isEmpty: Bool { self.bytes.isEmpty }

    /// Adds a field.
    /// - Complexity: O(its length).
    package mutating func append(
        name: UnsafeRawBufferPointer,
        value: UnsafeRawBufferPointer
    ) {
        self.append(count: name.count)
        self.append(count: value.count)
        self.bytes.append(contentsOf: name)
        self.bytes.append(contentsOf: value)
    }

    /// Adds a field.
    /// - Complexity: O(its length).
    package mutating func append(name: StaticString, value: UnsafeRawBufferPointer) {
        self.append(
            name: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount),
            value: value
        )
    }

    /// Forgets all fields and keeps the memory.
    package mutating func clear() {
        self.bytes.removeAll(keepingCapacity: true)
    }

    private mutating func append(count: Int) {
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: count).littleEndian) {
            self.bytes.append(contentsOf: $0)
        }
    }

    fileprivate static func count(in bytes: [UInt8], at position: Int) -> Int {
        var value: UInt32 = 0
        for index in 0..<4 {
            value |= UInt32(bytes[position + index]) << UInt32(8 * index)
        }
        return Int(value)
    }
}
