import BackendTestKit
import SQLiteBackend
import Testing

/// The contract of backends, kept by SQLite.
@Suite struct SQLiteContractTests {
    private let directory: TemporaryDirectory
    private let contract: BackendContract

    init() throws {
        let directory = try TemporaryDirectory()
        self.directory = directory
        var limits = SQLiteLimits()
        // Small, so that the log is moved and starts over, and pages are given back, in every test.
        limits.checkpointBytes = 64 << 10
        limits.checkpointTailBytes = 32 << 10
        limits.logBytesMax = 128 << 10
        limits.idleLogBytes = 32 << 10
        limits.vacuumPagesPerSlice = 8
        limits.freeBytesKept = 0
        limits.freePartKept = 0
        self.contract = BackendContract { [limits] in
            try SQLiteBackend(directory: directory.path + "/data", limits: limits)
        }
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
