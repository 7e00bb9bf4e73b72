import BackendTestKit
import ByreCore
import ByreTestKit
import Testing

/// The contract of backends, kept by the one in memory that other tests stand on.
@Suite struct MemoryContractTests {
    /// The store as the backend opened last has it.
    private final class Place {
        var backend = MemoryBackend()

        func open() -> any Backend {
            self.backend = self.backend.reopened()
            return self.backend
        }
    }

    private let contract: BackendContract

    init() {
        let place = Place()
        self.contract = BackendContract { place.open() }
    }

    @Test(arguments: BackendContract.promises)
    func keeps(_ promise: BackendContract.Promise) throws {
        try self.contract.keeps(promise)
    }
}
