import Dispatch
import Synchronization

/// Tells threads that wait for a time, or for a server, to end.
package final class StopSignal: Sendable {
    private let isRaised = Mutex(false)
    private let semaphore = DispatchSemaphore(value: 0)

    package init() {}

    /// Whether it is over.
    package var isStopped: Bool { self.isRaised.withLock { $0 } }

    /// Ends all waits, those to come too.
    package func stop() {
        self.isRaised.withLock { $0 = true }
        self.semaphore.signal()
    }

    /// Waits for a time, or for the end.
    /// - Returns: whether it is over.
    package func wait(_ duration: Duration) -> Bool {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = max(0, Int(clamping: seconds) * 1_000_000_000)
        let rest = Int(attoseconds / 1_000_000_000)
        if self.semaphore.wait(timeout: .now() + .nanoseconds(nanoseconds + rest)) == .success {
            // For whoever else waits.
            self.semaphore.signal()
        }
        return self.isStopped
    }
}
