import BackendTestKit
import ByreCore
import PostgresBackend
import Testing

/// Leases, the heartbeat and the instances, by the database's clock.
@Suite struct LeaseTests {
    private let store: StoreFixture
    private let backend: PostgresBackend
    private let keeper: any StoreKeeper
    private let me = InstanceRecord(
        id: .max,
        name: "one",
        clientURLs: ["http://one:2379", "http://[::1]:2379"]
    )
    private var history = History(numbering: .tenant)

    init() throws {
        self.store = try StoreFixture()
        self.backend = try self.store.open()
        self.keeper = try self.backend.makeKeeper()
        self.history.create(1, "default")
        self.history.grant(1, lease: 5, ttlSeconds: 100)
        self.history.grant(1, lease: 6, ttlSeconds: 100)
        try self.backend.commit(self.history.take())
    }

    private func lease(_ id: Int64) -> ExpiringLease {
        ExpiringLease(tenant: TenantID(rawValue: 1), lease: LeaseID(rawValue: id))
    }

    private func expired(_ ids: Int64...) throws -> Set<Int64> {
        var plan = CommitPlan()
        plan.cursors = [.nothing(of: TenantID(rawValue: 1))]
        plan.expiring = ids.map(self.lease)
        let expired = try self.backend.begin(plan).expired
        self.backend.abandon()
        return Set(expired.map(\.lease.rawValue))
    }

    private func end(_ id: Int64) throws {
        try self.store.run("UPDATE lease SET expires_at = clock_timestamp() WHERE id = \(id)")
    }

    @Test func aLeaseWhoseTimeIsOverIsSo() throws {
        _ = try self.keeper.beat(self.me)
        #expect(try self.expired(5, 6, 7) == [])
        try self.end(5)
        #expect(try self.keeper.beat(self.me).overdue == [self.lease(5)])
        #expect(try self.expired(5, 6, 7) == [5])
        let renewals = try self.keeper.renew([self.lease(7), self.lease(5), self.lease(6)])
        #expect(renewals == [.notFound, .expired, .renewed(ttlSeconds: 100)])
    }

    @Test func whatAnInstanceReadsIsToldToTheOthers() throws {
        let second = InstanceRecord(id: 2, name: "two", clientURLs: [])
        let other = try self.store.open().makeKeeper()
        #expect(try self.keeper.beat(self.me).readingFor == nil)
        _ = try other.beat(second, readingFor: 7_000_000_000)
        _ = try self.keeper.beat(self.me, readingFor: 3_000_000_000)
        let told = try #require(try self.keeper.beat(self.me).readingFor)
        #expect(told >= 7_000_000_000)
        // Who is not there any more reads nothing.
        try self.store.run("UPDATE instance SET beat_at = beat_at - interval '11 s' WHERE id = 2")
        #expect(try self.keeper.beat(self.me).readingFor == nil)
    }

    @Test func arenewalGivesTheFullTime() throws {
        _ = try self.keeper.beat(self.me)
        try self.store.run("UPDATE lease SET expires_at = clock_timestamp() + interval '50 s'")
        let index = try self.backend.makeReadIndex()
        let before = try index.remaining([self.lease(5), self.lease(7)])
        #expect((before[0] ?? 0) <= 50_000_000_000 && (before[0] ?? 0) > 0)
        #expect(before[1] == nil)
        #expect(try self.keeper.renew([self.lease(5)]) == [.renewed(ttlSeconds: 100)])
        let after = try index.remaining([self.lease(5), self.lease(6)])
        #expect((after[0] ?? 0) > 50_000_000_000)
        #expect((after[1] ?? 0) <= 50_000_000_000)
    }

    /// Nobody could write for an hour: the hour is given to every lease, and only once.
    @Test func aGapInTheHeartbeatIsAddedToEveryLease() throws {
        _ = try self.keeper.beat(self.me)
        try self.end(5)
        try self.store.run(
            "UPDATE housekeeping SET heartbeat = clock_timestamp() - interval '1 hour'"
        )
        // Until that is done, none is over.
        #expect(try self.expired(5, 6) == [])
        #expect(try self.keeper.renew([self.lease(5)]) == [.renewed(ttlSeconds: 100)])
        try self.end(5)
        #expect(try self.keeper.beat(self.me).overdue.isEmpty)
        #expect(try self.expired(5, 6) == [])
        for _ in 1...2 { _ = try self.keeper.beat(self.me) }
        let hours = try self.store.run(
            """
            SELECT string_agg(round(extract(epoch FROM expires_at - clock_timestamp()) / 3600)::text,
                ' ') FROM lease
            """
        )
        #expect(hours == "1 1")
    }

    @Test func aTenantThatIsActiveAgainHasItsLeasesFullTime() throws {
        _ = try self.keeper.beat(self.me)
        var history = self.history
        history.define(1) { $0.lifecycle = .suspended }
        try self.backend.commit(history.take())
        try self.end(5)
        #expect(try self.keeper.beat(self.me).overdue.isEmpty)
        history.define(1) { $0.lifecycle = .active }
        try self.backend.commit(history.take())
        #expect(try self.expired(5, 6) == [])
        // A definition of one that is active leaves them alone.
        try self.end(5)
        history.define(1) { $0.limits.keys = 9 }
        try self.backend.commit(history.take())
        #expect(try self.expired(5, 6) == [5])
    }

    // MARK: Instances

    @Test func oneInstanceIsTheHousekeeperUntilItLeaves() throws {
        let other = try self.store.open()
        let otherKeeper = try other.makeKeeper()
        let second = InstanceRecord(id: 7, name: "two", clientURLs: [])
        #expect(try self.keeper.beat(self.me).isHousekeeper)
        let beat = try otherKeeper.beat(second)
        #expect(!beat.isHousekeeper)
        #expect(beat.instances == [self.me, second])
        #expect(try self.keeper.beat(self.me).isHousekeeper)
        try self.keeper.leave(self.me)
        let alone = try otherKeeper.beat(second)
        #expect(alone.isHousekeeper)
        #expect(alone.instances == [second])
    }

    @Test func anInstanceThatSaysNothingIsGoneAndLosesTheOffice() throws {
        _ = try self.keeper.beat(self.me)
        try self.store.run(
            """
            UPDATE housekeeping SET housekeeper_until = clock_timestamp();
            UPDATE instance SET beat_at = beat_at - interval '11 s'
            """
        )
        let second = InstanceRecord(id: 7, name: "two", clientURLs: [])
        let beat = try self.store.open().makeKeeper().beat(second)
        #expect(beat.isHousekeeper)
        #expect(beat.instances == [second])
    }
}
