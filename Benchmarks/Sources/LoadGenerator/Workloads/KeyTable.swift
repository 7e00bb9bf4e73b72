/// The mod revision of each key, as the client that owns the key knows it.
package final class KeyTable: @unchecked Sendable {
    // Sendable: each key belongs to one lane, and so to one thread.
    private let revisions: UnsafeMutableBufferPointer<Int64>

    package init(count: Int) {
        self.revisions = .allocate(capacity: count)
        self.revisions.initialize(repeating: 0)
    }

    deinit {
        self.revisions.deallocate()
    }

    package subscript(key: Int) -> Int64 {
        get { self.revisions[key] }
        set { self.revisions[key] = newValue }
    }
}
