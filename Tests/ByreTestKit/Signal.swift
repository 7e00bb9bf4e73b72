import Dispatch

/// Lets one thread wait for what another does.
package final class Signal: Sendable {
    /// How long a test waits for what ought to happen at once, before it is taken to hang.
    private static let patienceSeconds = 60

    private let semaphore = DispatchSemaphore(value: 0)

    package init() {}

    /// Lets one waiter go on, or the next one to come.
    package func send() {
        self.semaphore.signal()
    }

    /// Waits for one ``send()``.
    /// - Throws: ``Hang`` when it does not come.
    package func wait(for what: String) throws(Hang) {
        let result = self.semaphore.wait(timeout: .now() + .seconds(Self.patienceSeconds))
        if result == .timedOut { throw Hang(what: what) }
    }

    /// What a test waited for has not come.
    package struct Hang: Error {
        package let what: String

        package init(what: String) {
            self.what = what
        }
    }
}
