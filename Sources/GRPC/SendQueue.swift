/// Messages of a call that wait to leave, the first of which may have left in part.
///
/// A unary call has one, for which no array is made.
struct SendQueue {
    /// Arrays with room for more than this are not kept once they are empty.
    private static let keptMax = 64
    /// Messages that have left are let go of when there are so many and they are half of the array.
    private static let trimmedMin = 32

    private var first: FramedMessage?
    /// What was put in after the first, and how much of it has left or is the first.
    private var others: [FramedMessage] = []
    private var othersTaken = 0
    /// Bytes of the first message that have left.
    private var offset = 0

    var isEmpty: Bool { self.first == nil }

    mutating func append(_ message: FramedMessage) {
        if self.first == nil {
            self.first = message
        } else {
            self.others.append(message)
        }
    }

    /// Moves the next bytes to `buffer`.
    /// - Returns: how many; fewer than fit only if there are no more.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var count = 0
        while count < buffer.count, let message = self.first {
            let part = min(message.bytes.count - self.offset, buffer.count - count)
            message.bytes.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: buffer[count..<count + part]).copyMemory(
                    from: UnsafeRawBufferPointer(
                        rebasing: bytes[self.offset..<self.offset + part]
                    )
                )
            }
            count += part
            self.offset += part
            if self.offset == message.bytes.count { self.advance() }
        }
        return count
    }

    private mutating func advance() {
        self.offset = 0
        guard self.othersTaken < self.others.count else {
            self.first = nil
            guard self.othersTaken > 0 else { return }
            self.others.removeAll(keepingCapacity: self.others.count < Self.keptMax)
            self.othersTaken = 0
            return
        }
        self.first = self.others[self.othersTaken]
        self.othersTaken += 1
        if self.othersTaken >= Self.trimmedMin, self.othersTaken * 2 >= self.others.count {
            self.others.removeFirst(self.othersTaken)
            self.othersTaken = 0
        }
    }
}
