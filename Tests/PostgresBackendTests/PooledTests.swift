import BackendTestKit
import ByreCore
import ByreTestKit
import PostgresBackend
import Testing

/// A store behind PgBouncer in transaction mode, with one connection to the server: nothing outlives
/// a transaction.
@Suite(.enabled(if: Pooler.isInstalled, "pgbouncer is not installed"))
struct PooledTests {
    private let store: StoreFixture
    private let pooler: Pooler

    init() throws {
        self.store = try StoreFixture()
        self.pooler = try Pooler(self.store.cluster)
    }

    private func open() throws -> PostgresBackend {
        try PostgresBackend(url: self.pooler.url(self.store.database) + "?pooled=true")
    }

    @Test func aPooledStoreGivesBackWhatWasCommitted() throws {
        let contract = BackendContract(numbering: .tenant, isExclusive: false) { try self.open() }
        try contract.recoveryGivesBackWhatWasCommitted()
    }

    @Test func instancesShareAPooledStore() throws {
        let one = try self.open()
        let other = try self.open()
        let listener = try other.makeListener()
        let index = try other.makeReadIndex()
        let keeper = try other.makeKeeper()
        let tenant = TenantID(rawValue: 1)
        var history = History(numbering: .tenant)
        history.create(1, "default")
        history.grant(1, lease: 5, ttlSeconds: 60)
        try one.commit(history.take())
        #expect(try listener.wait(milliseconds: 60_000).tenants == [tenant: 1])
        let me = InstanceRecord(id: 1, name: "one", clientURLs: ["http://one:2379"])
        #expect(try keeper.beat(me).isHousekeeper)
        let lease = ExpiringLease(tenant: tenant, lease: LeaseID(rawValue: 5))
        #expect(try keeper.renew([lease]) == [.renewed(ttlSeconds: 60)])
        for round in 2...4 as ClosedRange<Int64> {
            history.write(1, [("a", [UInt8(round)])])
            var plan = CommitPlan()
            plan.cursors = [.nothing(of: tenant)]
            #expect(try one.begin(plan).news.first?.record.sequence == round - 1)
            try one.commit(history.take())
            // Found by looking: a pooler passes no notification on.
            #expect(try listener.wait(milliseconds: 60_000).tenants == [tenant: round])
            #expect(try index.sequences(of: [tenant]) == [round])
        }
        let basis = [TenantSequence(tenant: tenant, sequence: 4)]
        history.write(1, [("a", [5])])
        let batch = history.take()
        #expect(try other.commit(batch, decidedOn: basis))
        #expect(try !one.commit(batch, decidedOn: basis))
        let news = try other.news(since: [.nothing(of: tenant)])
        #expect(news.first?.rows.map(\.value) == [[2], [3], [4], [5]])
        #expect(try other.registry(since: -1)?.present == [tenant])
    }
}
