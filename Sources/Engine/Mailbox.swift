import DequeModule

/// A bounded queue from many threads to one or a few that block for it.
package final class Mailbox<Element: Sendable>: @unchecked Sendable {
    // @unchecked: what varies is touched only with `mutex` held.
    private var elements: Deque<Element> = []
    private var isClosed = false
    private var waiters = 0
    private let capacity: Int
    private let mutex = WaitLock()
    /// Signalled when there is something to take.
    private let condition = WaitLock.Condition()
    /// Signalled when a full mailbox is taken from.
    private let room = WaitLock.Condition()

    /// - Parameter capacity: most elements held; ``push(_:)`` refuses more.
    package init(capacity: Int) {
        self.capacity = capacity
    }

    package enum PushResult {
        case pushed, full, closed
    }

    /// Adds an element, and wakes a waiter if there is one.
    package func push(_ element: Element) -> PushResult {
        self.mutex.lock()
        let result: PushResult
        var isAwaited = false
        if self.isClosed {
            result = .closed
        } else if self.elements.count >= self.capacity {
            result = .full
        } else {
            self.elements.append(element)
            isAwaited = self.waiters > 0
            result = .pushed
        }
        self.mutex.unlock()
        // After the unlock, or the waiter would wake only to wait for the mutex.
        if isAwaited { self.condition.signal() }
        return result
    }

    /// Adds an element, waiting for room; drops it when the mailbox is closed.
    package func pushWaiting(_ element: Element) {
        self.mutex.lock()
        defer { self.mutex.unlock() }
        while self.elements.count >= self.capacity && !self.isClosed {
            _ = self.room.wait(holding: self.mutex, until: .max)
        }
        guard !self.isClosed else { return }
        self.elements.append(element)
        if self.waiters > 0 { self.condition.signal() }
    }

    /// Takes the oldest element, waiting for one; nil once the mailbox is closed and empty.
    package func takeFirst() -> Element? {
        self.mutex.lock()
        defer { self.mutex.unlock() }
        self.wait(until: .max)
        return self.popFirst()
    }

    /// Takes the oldest element, if there is one.
    package func takeFirstIfAny() -> Element? {
        self.mutex.lock()
        defer { self.mutex.unlock() }
        return self.popFirst()
    }

    /// Takes the oldest elements, waiting for one until `deadline` (nanoseconds of the monotonic clock).
    /// - Returns: at most `countMax`, none when the deadline passed; nil once the mailbox is closed and
    ///   empty.
    package func take(countMax: Int, until deadline: Int64) -> [Element]? {
        self.mutex.lock()
        defer { self.mutex.unlock() }
        self.wait(until: deadline)
        if self.elements.isEmpty, self.isClosed { return nil }
        var taken: [Element] = []
        while taken.count < countMax, let next = self.popFirst() { taken.append(next) }
        return taken
    }

    private func wait(until deadline: Int64) {
        self.waiters += 1
        defer { self.waiters -= 1 }
        while self.elements.isEmpty, !self.isClosed,
            self.condition.wait(holding: self.mutex, until: deadline)
        {}
    }

    private func popFirst() -> Element? {
        if self.elements.count >= self.capacity { self.room.broadcast() }
        return self.elements.popFirst()
    }

    /// Refuses further elements; what is inside can still be taken.
    package func close() {
        self.mutex.lock()
        self.isClosed = true
        self.condition.broadcast()
        self.room.broadcast()
        self.mutex.unlock()
    }
}
