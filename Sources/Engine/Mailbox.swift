import DequeModule
import Glibc

/// A bounded queue from many threads to one or a few that block for it.
///
/// Swift's `Mutex` has no condition to wait on, so this is POSIX's pair of the two.
package final class Mailbox<Element: Sendable>: @unchecked Sendable {
    // @unchecked: what varies is touched only with `mutex` held.
    private var elements: Deque<Element> = []
    private var isClosed = false
    private var waiters = 0
    private let capacity: Int
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    /// Signalled when there is something to take.
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    /// Signalled when a full mailbox is taken from.
    private let room: UnsafeMutablePointer<pthread_cond_t>

    /// - Parameter capacity: most elements held; ``push(_:)`` refuses more.
    package init(capacity: Int) {
        self.capacity = capacity
        self.mutex = .allocate(capacity: 1)
        self.condition = .allocate(capacity: 1)
        pthread_mutex_init(self.mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(self.condition, &attributes)
        pthread_condattr_destroy(&attributes)
        self.room = .allocate(capacity: 1)
        pthread_cond_init(self.room, nil)
    }

    deinit {
        pthread_cond_destroy(self.condition)
        pthread_cond_destroy(self.room)
        pthread_mutex_destroy(self.mutex)
        self.condition.deallocate()
        self.room.deallocate()
        self.mutex.deallocate()
    }

    package enum PushResult {
        case pushed, full, closed
    }

    /// Adds an element, and wakes a waiter if there is one.
    package func push(_ element: Element) -> PushResult {
        pthread_mutex_lock(self.mutex)
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
        pthread_mutex_unlock(self.mutex)
        // After the unlock, or the waiter would wake only to wait for the mutex.
        if isAwaited { pthread_cond_signal(self.condition) }
        return result
    }

    /// Adds an element, waiting for room; drops it when the mailbox is closed.
    package func pushWaiting(_ element: Element) {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        while self.elements.count >= self.capacity && !self.isClosed {
            pthread_cond_wait(self.room, self.mutex)
        }
        guard !self.isClosed else { return }
        self.elements.append(element)
        if self.waiters > 0 { pthread_cond_signal(self.condition) }
    }

    /// Takes the oldest element, waiting for one; nil once the mailbox is closed and empty.
    package func takeFirst() -> Element? {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        self.wait(until: .max)
        return self.popFirst()
    }

    /// Takes the oldest element, if there is one.
    package func takeFirstIfAny() -> Element? {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        return self.popFirst()
    }

    /// Takes the oldest elements, waiting for one until `deadline` (nanoseconds of the monotonic clock).
    /// - Returns: at most `countMax`, none when the deadline passed; nil once the mailbox is closed and
    ///   empty.
    package func take(countMax: Int, until deadline: Int64) -> [Element]? {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        self.wait(until: deadline)
        if self.elements.isEmpty, self.isClosed { return nil }
        var taken: [Element] = []
        while taken.count < countMax, let next = self.popFirst() { taken.append(next) }
        return taken
    }

    private func wait(until deadline: Int64) {
        self.waiters += 1
        defer { self.waiters -= 1 }
        var time = timespec(
            tv_sec: Int(deadline / 1_000_000_000),
            tv_nsec: Int(deadline % 1_000_000_000)
        )
        while self.elements.isEmpty && !self.isClosed {
            if deadline == .max {
                pthread_cond_wait(self.condition, self.mutex)
            } else if pthread_cond_timedwait(self.condition, self.mutex, &time) == ETIMEDOUT {
                break
            }
        }
    }

    private func popFirst() -> Element? {
        if self.elements.count >= self.capacity { pthread_cond_broadcast(self.room) }
        return self.elements.popFirst()
    }

    /// Refuses further elements; what is inside can still be taken.
    package func close() {
        pthread_mutex_lock(self.mutex)
        self.isClosed = true
        pthread_cond_broadcast(self.condition)
        pthread_cond_broadcast(self.room)
        pthread_mutex_unlock(self.mutex)
    }
}
