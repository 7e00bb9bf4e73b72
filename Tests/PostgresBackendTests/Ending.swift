import ByreCore
import ByreTestKit
import Dispatch
import Synchronization

/// What comes of something that another thread does.
final class Ending<Success: Sendable>: Sendable {
    private let result = Mutex<Result<Success, BackendError>?>(nil)
    private let signal = Signal()

    /// Starts it.
    init(_ body: @escaping @Sendable () throws(BackendError) -> Success) {
        DispatchQueue.global().async {
            let result: Result<Success, BackendError>
            do throws(BackendError) {
                result = .success(try body())
            } catch {
                result = .failure(error)
            }
            self.result.withLock { $0 = result }
            self.signal.send()
        }
    }

    /// Waits until it has ended. Once.
    func wait() throws -> Result<Success, BackendError>? {
        try self.signal.wait(for: "the end of a call")
        return self.result.withLock { $0 }
    }
}
