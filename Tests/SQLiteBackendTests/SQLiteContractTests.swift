import BackendTestKit
import ByreTestKit
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

    @Test(arguments: BackendContract.promises)
    func keeps(_ promise: BackendContract.Promise) throws {
        try self.contract.keeps(promise)
    }
}
