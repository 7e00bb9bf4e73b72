/// Where a connection puts bytes: plaintext it has decrypted, ciphertext for the peer.
///
/// The bytes are produced where they will stay, so that nothing is copied on the way.
package protocol ByteSink: AnyObject {
    /// Appends what `body` writes into a span with room for at least `capacity` bytes.
    func append(capacity: Int, _ body: (inout OutputRawSpan) -> Void)
}

/// A sink that keeps the bytes in one piece of memory and is used again and again.
///
/// Belongs to one thread, or to one event loop for all of its connections.
package final class ByteQueue: ByteSink {
    private var storage: UnsafeMutableRawBufferPointer

    /// How many bytes there are to read.
    package private(set) var count = 0

    /// - Parameter capacity: the room to begin with, in bytes.
    package init(capacity: Int = 0) {
        self.storage = .allocate(byteCount: capacity, alignment: 1)
    }

    deinit {
        self.storage.deallocate()
    }

    package var isEmpty: Bool { self.count == 0 }

    /// The bytes, until the next change.
    package var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = RawSpan(
                _unsafeBytes: UnsafeRawBufferPointer(self.storage).prefix(self.count)
            )
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// - Complexity: amortised O(what is written).
    package func append(capacity: Int, _ body: (inout OutputRawSpan) -> Void) {
        self.reserve(self.count + capacity)
        let room = UnsafeMutableRawBufferPointer(rebasing: self.storage[self.count...])
        var span = OutputRawSpan(buffer: room, initializedCount: 0)
        body(&span)
        self.count += span.finalize(for: room)
    }

    /// Copies the bytes out and forgets them.
    package func take() -> [UInt8] {
        let taken = [UInt8](UnsafeRawBufferPointer(self.storage).prefix(self.count))
        self.count = 0
        return taken
    }

    /// Forgets the bytes and keeps the room.
    package func removeAll() {
        self.count = 0
    }

    private func reserve(_ capacity: Int) {
        guard capacity > self.storage.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(capacity, 2 * self.storage.count),
            alignment: 1
        )
        larger.copyMemory(from: UnsafeRawBufferPointer(self.storage).prefix(self.count).rebased)
        self.storage.deallocate()
        self.storage = larger
    }
}

extension Slice where Base == UnsafeRawBufferPointer {
    fileprivate var rebased: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self) }
}
