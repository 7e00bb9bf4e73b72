/// Cuts the body of a call into messages, however it was split on its way.
///
/// A message that lies whole in one piece is handed out in place; only one that spans pieces is
/// gathered. Not responsible for limits across calls.
package struct MessageDeframer {
    /// What the next step of cutting yields.
    package enum Step {
        /// The piece is used up and no message is complete.
        case needsMore
        /// A message; the bytes lie in the piece.
        case message(UnsafeRawBufferPointer)
        /// A message gathered from several pieces.
        case gathered([UInt8])
        /// The compression flag is set or unknown. Nothing can be read after it.
        case flagged(UInt8)
        /// The prefix announces more than the limit. Nothing can be read after it.
        case tooLarge(Int)
    }

    /// The first allotment for a message that spans pieces; more follows as it arrives, so that a
    /// prefix alone costs nothing.
    private static let firstAllotmentBytes = 16 << 10

    /// Bytes of the prefix, in the low end, and how many there are.
    private var prefix: UInt64 = 0
    private var prefixCount = 0
    /// What the prefix announced; -1 before it is complete.
    private var length = -1
    private var gathered: [UInt8] = []

    package init() {}

    /// Bytes held back until their message is complete.
    package var gatheredCount: Int { self.gathered.count }

    /// Whether the body ended within a message.
    package var isInsideMessage: Bool { self.prefixCount > 0 }

    /// Takes the next message, or what there is of it, off the front of `piece`.
    /// - Complexity: O(bytes of the message), O(1) when it lies whole in `piece`.
    package mutating func next(from piece: inout UnsafeRawBufferPointer, limit: Int) -> Step {
        if self.length < 0 {
            while self.prefixCount < FramedMessage.prefixLength {
                guard let byte = piece.first else { return .needsMore }
                piece = UnsafeRawBufferPointer(rebasing: piece.dropFirst())
                self.prefix = self.prefix << 8 | UInt64(byte)
                self.prefixCount += 1
            }
            let flag = UInt8(truncatingIfNeeded: self.prefix >> 32)
            guard flag == 0 else { return .flagged(flag) }
            self.length = Int(self.prefix & 0xffff_ffff)
            guard self.length <= limit else { return .tooLarge(self.length) }
        }
        if self.gathered.isEmpty, piece.count >= self.length {
            let message = UnsafeRawBufferPointer(rebasing: piece.prefix(self.length))
            piece = UnsafeRawBufferPointer(rebasing: piece.dropFirst(self.length))
            self.startPrefix()
            return .message(message)
        }
        guard !piece.isEmpty else { return .needsMore }
        if self.gathered.isEmpty {
            self.gathered.reserveCapacity(min(self.length, Self.firstAllotmentBytes))
        }
        let part = piece.prefix(self.length - self.gathered.count)
        self.gathered.append(contentsOf: part)
        piece = UnsafeRawBufferPointer(rebasing: piece.dropFirst(part.count))
        guard self.gathered.count == self.length else { return .needsMore }
        var message: [UInt8] = []
        swap(&message, &self.gathered)
        self.startPrefix()
        return .gathered(message)
    }

    /// Lets go of what was gathered.
    package mutating func discard() {
        self.gathered = []
    }

    private mutating func startPrefix() {
        self.prefix = 0
        self.prefixCount = 0
        self.length = -1
    }
}
