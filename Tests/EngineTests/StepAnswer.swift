import ByreTestKit
import Engine
import Synchronization

/// Waits for the answer to one step of an import.
final class StepAnswer: ImportReply {
    private let signal = Signal()
    private let results = Mutex<[Result<TenantStore, ImportError>]>([])

    var executor: any ReplyExecutor { InlineExecutor.shared }

    func complete(_ result: Result<TenantStore, ImportError>) {
        self.results.withLock { $0.append(result) }
        self.signal.send()
    }

    func result() throws -> Result<TenantStore, ImportError> {
        try self.signal.wait(for: "an answer about an import")
        guard let first = self.results.withLock({ $0.first }) else {
            throw Signal.Hang(what: "an answer about an import")
        }
        return first
    }
}
