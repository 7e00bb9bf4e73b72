import BackendTestKit
import ByreCore
import PostgresBackend
import Testing

/// The contract of backends, kept by PostgreSQL.
@Suite struct PostgresContractTests {
    private let contract: BackendContract

    init() throws {
        let store = try StoreFixture()
        self.contract = BackendContract(numbering: .tenant, isExclusive: false) {
            try store.open()
        }
    }

    @Test(arguments: BackendContract.promises)
    func keeps(_ promise: BackendContract.Promise) throws {
        try self.contract.keeps(promise)
    }
}
