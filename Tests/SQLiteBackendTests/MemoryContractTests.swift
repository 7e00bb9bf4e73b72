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

    @Test func aNewStoreIsEmpty() throws {
        try self.contract.aNewStoreIsEmpty()
    }

    @Test func recoveryGivesBackWhatWasCommitted() throws {
        try self.contract.recoveryGivesBackWhatWasCommitted()
    }

    @Test func grantingALeaseAnewSetsItsTTL() throws {
        try self.contract.grantingALeaseAnewSetsItsTTL()
    }

    @Test func removedRowsAreGoneAndNoOthers() throws {
        try self.contract.removedRowsAreGoneAndNoOthers()
    }

    @Test func aTenantCannotRemoveOrReadAnothersRows() throws {
        try self.contract.aTenantCannotRemoveOrReadAnothersRows()
    }

    @Test func aReaderSeesACommitThatHasReturned() throws {
        try self.contract.aReaderSeesACommitThatHasReturned()
    }

    @Test func valuesComeInOrderWhateverTheGaps() throws {
        try self.contract.valuesComeInOrderWhateverTheGaps()
    }

    @Test func aScanVisitsATenantsRowsInOrderUntilTold() throws {
        try self.contract.aScanVisitsATenantsRowsInOrderUntilTold()
    }

    @Test func aRefusedBatchLeavesNothing() throws {
        try self.contract.aRefusedBatchLeavesNothing()
    }

    @Test func definitionsComeBackAsTheyWere() throws {
        try self.contract.definitionsComeBackAsTheyWere()
    }

    @Test func anErasedTenantIsGoneAndNoOther() throws {
        try self.contract.anErasedTenantIsGoneAndNoOther()
    }

    @Test func tenantsShareNothingThatIsTheirs() throws {
        try self.contract.tenantsShareNothingThatIsTheirs()
    }

    @Test func housekeepingChangesNothing() throws {
        try self.contract.housekeepingChangesNothing()
    }

    @Test func aClosedBackendRefuses() throws {
        try self.contract.aClosedBackendRefuses()
    }
}
