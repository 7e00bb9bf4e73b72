import Dispatch
import Synchronization

/// Waits on the calling thread until `body`, which runs on others, is done.
///
/// For the main thread, which no task runs on.
func blocking<Value: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () async throws(Failure) -> Value
) throws(Failure) -> Value {
    let outcome = Outcome<Value, Failure>()
    Task {
        do throws(Failure) {
            outcome.set(.success(try await body()))
        } catch {
            outcome.set(.failure(error))
        }
    }
    return try outcome.wait().get()
}

/// A place for one result, and for a thread that waits for it.
private final class Outcome<Value: Sendable, Failure: Error>: Sendable {
    private let result = Mutex<Result<Value, Failure>?>(nil)
    private let isSet = DispatchSemaphore(value: 0)

    func set(_ result: Result<Value, Failure>) {
        self.result.withLock { $0 = result }
        self.isSet.signal()
    }

    func wait() -> Result<Value, Failure> {
        while true {
            self.isSet.wait()
            if let result = self.result.withLock({ $0 }) { return result }
        }
    }
}
