/// Cuts the bytes of a gRPC stream into messages: a flag, four bytes of length, the message.
package struct Deframer {
    package static let prefixBytes = 5

    /// The beginning of a message that is not whole yet, its prefix included.
    private var held: [UInt8] = []

    package init() {}

    /// Whether the stream stands between two messages.
    package var isEmpty: Bool { self.held.isEmpty }

    package mutating func reset() {
        self.held.removeAll(keepingCapacity: true)
    }

    /// Calls `body` with each message that is complete now; its bytes are valid in the call only.
    /// - Complexity: O(`bytes.count`).
    package mutating func feed(
        _ bytes: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        var rest = bytes
        while !self.held.isEmpty, !rest.isEmpty {
            let wanted = Self.messageEnd(self.held.span.bytes) ?? Self.prefixBytes
            let taken = min(max(wanted - self.held.count, 0), rest.count)
            self.held.append(contentsOf: rest.prefix(taken))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(taken))
            guard let end = Self.messageEnd(self.held.span.bytes), self.held.count >= end else {
                continue
            }
            self.held.withUnsafeBytes {
                body(UnsafeRawBufferPointer(rebasing: $0[Self.prefixBytes..<end]))
            }
            self.held.removeAll(keepingCapacity: true)
        }
        while let end = Self.messageEnd(rest.bytes), rest.count >= end {
            body(UnsafeRawBufferPointer(rebasing: rest[Self.prefixBytes..<end]))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(end))
        }
        if !rest.isEmpty {
            if let end = Self.messageEnd(rest.bytes) { self.held.reserveCapacity(end) }
            self.held.append(contentsOf: rest)
        }
    }

    /// Where the message ends that begins `bytes`; nil when its length has not come.
    private static func messageEnd(_ bytes: RawSpan) -> Int? {
        guard bytes.byteCount >= Self.prefixBytes else { return nil }
        let length = bytes.unsafeLoadUnaligned(fromByteOffset: 1, as: UInt32.self).bigEndian
        return Self.prefixBytes + Int(length)
    }
}
