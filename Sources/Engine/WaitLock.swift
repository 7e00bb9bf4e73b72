import Glibc

/// A lock whose holders can wait until another holder has done something.
///
/// Swift's `Mutex` has no condition to wait on, so this is POSIX's.
struct WaitLock: ~Copyable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        self.mutex = .allocate(capacity: 1)
        pthread_mutex_init(self.mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(self.mutex)
        self.mutex.deallocate()
    }

    borrowing func lock() { pthread_mutex_lock(self.mutex) }

    borrowing func unlock() { pthread_mutex_unlock(self.mutex) }

    /// Something that holders of a lock wait for.
    struct Condition: ~Copyable {
        private let condition: UnsafeMutablePointer<pthread_cond_t>

        init() {
            self.condition = .allocate(capacity: 1)
            var attributes = pthread_condattr_t()
            pthread_condattr_init(&attributes)
            pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
            pthread_cond_init(self.condition, &attributes)
            pthread_condattr_destroy(&attributes)
        }

        deinit {
            pthread_cond_destroy(self.condition)
            self.condition.deallocate()
        }

        /// Wakes one that waits.
        borrowing func signal() { pthread_cond_signal(self.condition) }

        /// Wakes all that wait.
        borrowing func broadcast() { pthread_cond_broadcast(self.condition) }

        /// Lets go of the lock and holds it again after a signal, or for no reason at all.
        /// - Parameter deadline: nanoseconds of the monotonic clock; `Int64.max` for none.
        /// - Returns: false when the deadline has passed.
        borrowing func wait(holding lock: borrowing WaitLock, until deadline: Int64) -> Bool {
            guard deadline < .max else {
                pthread_cond_wait(self.condition, lock.mutex)
                return true
            }
            var time = timespec(
                tv_sec: Int(deadline / 1_000_000_000),
                tv_nsec: Int(deadline % 1_000_000_000)
            )
            return pthread_cond_timedwait(self.condition, lock.mutex, &time) != ETIMEDOUT
        }
    }
}
