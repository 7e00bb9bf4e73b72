import ByreCore
import ByreTestKit
import Engine
import Testing

/// Tenants that are suspended, deleted, taken back and erased.
@Suite struct TenantLifeTests {
    private func fixture(
        _ configure: (inout Configuration) -> Void = { _ in }
    ) throws -> (StoreFixture, TenantStore) {
        let fixture = try StoreFixture { configuration in
            configuration.eraseRowsPerSlice = 3
            configure(&configuration)
        }
        let tenant = try fixture.create(.numbered(2))
        return (fixture, tenant)
    }

    private let lease = LeaseID(rawValue: 7)

    @Test func timeStandsStillForTheLeasesOfASuspendedTenant() throws {
        let (fixture, tenant) = try self.fixture()
        try fixture.run("grant 7 ttl 5", on: tenant)
        try fixture.run("put a=1 lease 7", on: tenant)
        fixture.clock.advance(bySeconds: 4)
        try fixture.define(tenant) { $0.lifecycle = .suspended }
        fixture.clock.advance(bySeconds: 3_600)
        try fixture.turn()
        #expect(try fixture.contents(of: tenant) == "a=1")
        try fixture.define(tenant) { $0.lifecycle = .active }
        #expect(tenant.remaining(self.lease, now: fixture.clock.now) == 5_000_000_000)
        fixture.clock.advance(bySeconds: 5)
        try fixture.turn()
        #expect(try fixture.contents(of: tenant) == "")
    }

    @Test func aTenantIsCompactedByItsOwnPolicyFromNowOn() throws {
        let (fixture, tenant) = try self.fixture { $0.autoCompaction = .revision(retention: 1) }
        for _ in 1...9 {
            try fixture.run("put a=1", on: tenant)
            try fixture.run("put a=1")
        }
        try fixture.define(tenant) { $0.autoCompaction = .revision(retention: 5) }
        func compacted(afterSeconds seconds: Int64) throws -> [Int64] {
            fixture.clock.advance(bySeconds: 1)
            try fixture.turn()
            fixture.clock.advance(bySeconds: seconds)
            try fixture.turn()
            return [fixture.tenant, tenant].map(\.snapshot.state.compactRevision)
        }
        #expect(try compacted(afterSeconds: 300) == [9, 5])
        for _ in 1...9 { try fixture.run("put a=1", on: tenant) }
        // None, a suspended tenant's, and none of one that is deleted.
        try fixture.define(tenant) { $0.autoCompaction = .revision(retention: 0) }
        #expect(try compacted(afterSeconds: 300) == [9, 5])
        try fixture.define(tenant) { definition in
            definition.autoCompaction = .revision(retention: 3)
            definition.lifecycle = .suspended
        }
        #expect(try compacted(afterSeconds: 300) == [9, 16])
        try fixture.define(tenant) { $0.autoCompaction = .revision(retention: 1) }
        try fixture.delete(tenant, after: 1_000)
        #expect(try compacted(afterSeconds: 300) == [9, 16])
    }

    @Test func aDeletedTenantCanBeTakenBackUntilItsTime() throws {
        let (fixture, tenant) = try self.fixture()
        try fixture.run("grant 7 ttl 5", on: tenant)
        try fixture.run("put a=1 lease 7", on: tenant)
        try fixture.delete(tenant, after: 60)
        fixture.clock.advance(bySeconds: 59)
        try fixture.turn()
        #expect(fixture.store.directory[name: "t2"] === tenant)
        #expect(
            try Self.error(fixture.change(.create(.numbered(9, name: "t2"))))
                == .nameTaken(isDeleting: true)
        )
        try fixture.define(tenant) { definition in
            definition.lifecycle = .active
            definition.reclaimAt = nil
        }
        fixture.clock.advance(bySeconds: 4)
        try fixture.turn()
        #expect(try fixture.contents(of: tenant) == "a=1")
        #expect(fixture.store.erasing.isEmpty)
    }

    @Test func anErasedTenantLeavesNothing() throws {
        let (fixture, tenant) = try self.fixture()
        for value in 1...10 {
            try fixture.run("put a=\(value)", on: tenant)
            try fixture.run("put b=\(value)")
        }
        for lease in 1...10 { try fixture.run("grant \(lease) ttl 60", on: tenant) }
        try fixture.run("alarm CORRUPT 5", on: tenant)
        try fixture.define(tenant) { $0.identities = [.init(.commonName, "robot")] }
        let client = try WatchClient(fixture, tenant)
        client.watch()
        try fixture.delete(tenant, after: 60)
        fixture.clock.advance(bySeconds: 60)
        try fixture.turn()
        // Its memory goes at once, its rows after.
        #expect(fixture.store.directory[name: "t2"] == nil)
        #expect(tenant.snapshot.state.index.keyCount == 0)
        #expect(tenant.withHub { $0.counters.streams } == 0)
        #expect(tenant.leasesByRemaining().isEmpty)
        #expect(fixture.memory.tenants[tenant.id]?.isErasing == true)
        let progress = try #require(fixture.store.erasing.first)
        #expect(progress.definition.name == "t2" && progress.rowsAtStart == 19)
        // Its identities are free at once, its name when it is gone.
        #expect(
            try Self.error(fixture.change(.create(.numbered(9, name: "t2"))))
                == .nameTaken(isDeleting: true)
        )
        #expect(
            try Self.error(fixture.change(.replace(tenant.id, .numbered(2), ifGeneration: nil)))
                == .erased
        )
        var heir = TenantDefinition.numbered(3)
        heir.identities = [.init(.commonName, "robot")]
        _ = try fixture.create(heir)
        try fixture.eraseAll()
        #expect(fixture.memory.tenants.keys.sorted().map(\.rawValue) == [1, 3])
        #expect(fixture.memory.rows.allSatisfy { $0.tenant == fixture.tenant.id })
        #expect(fixture.memory.rows.count == 10)
        #expect(fixture.memory.leases(of: tenant.id).isEmpty)
        #expect(fixture.store.erasing.isEmpty)
        #expect(try fixture.create(.numbered(9, name: "t2")).snapshot.state.revision == 1)
        #expect(try fixture.contents() == "b=10")
    }

    @Test func whatIsAskedOfAnErasedTenantIsRefusedAndHarmsNobody() throws {
        let (fixture, tenant) = try self.fixture()
        try fixture.run("put a=1", on: tenant)
        try fixture.delete(tenant, after: 0)
        try fixture.turn()
        #expect(try fixture.run("put a=2", on: tenant) == "stopped")
        #expect(try fixture.run("put b=1") == "rev 2")
        try fixture.eraseAll()
        #expect(try fixture.run("put a=2", on: tenant) == "stopped")
        #expect(try fixture.run("put b=2") == "rev 3")
    }

    @Test func rowsStayWhileAReaderMayNeedThem() throws {
        let (fixture, tenant) = try self.fixture()
        try fixture.run("put a=1", on: tenant)
        var pinned: PinnedSnapshot? = tenant.pinnedSnapshot()
        try fixture.delete(tenant, after: 0)
        try fixture.eraseAll()
        #expect(fixture.memory.rows.count == 1)
        #expect(pinned?.state.index.liveCount == 1)
        pinned = nil
        try fixture.eraseAll()
        #expect(fixture.memory.tenants.count == 1)
    }

    @Test func aCompactionUnderWayEndsWithItsTenant() throws {
        let (fixture, tenant) = try self.fixture { $0.compactionBatchLimit = 1 }
        for value in 1...9 { try fixture.run("put a=\(value)", on: tenant) }
        let answer = try fixture.submit("compact 9", to: tenant, waitsForPhysical: true)
        fixture.clock.advance(bySeconds: 1)
        try fixture.turn()
        try fixture.delete(tenant, after: 0)
        try fixture.turn()
        #expect(try answer.text() == "rev 10")
        try fixture.eraseAll()
        #expect(fixture.memory.tenants.count == 1 && fixture.memory.rows.isEmpty)
    }

    @Test func anErasingThatCannotBeginIsTriedAgainAfterAWhile() throws {
        let (fixture, tenant) = try self.fixture()
        try fixture.run("put a=1", on: tenant)
        try fixture.delete(tenant, after: 60)
        fixture.backend.failCommits(Array(repeating: .before(.unavailable("full")), count: 2))
        fixture.clock.advance(bySeconds: 60)
        for failures in 1...2 {
            // However often the committer comes by, it is tried once.
            for _ in 1...5 { try fixture.turn() }
            #expect(fixture.store.counters.failures == failures)
            #expect(fixture.store.directory[name: "t2"] === tenant)
            fixture.clock.advance(
                byNanoseconds: fixture.store.configuration.eraseRetryNanoseconds
            )
        }
        try fixture.turn()
        #expect(fixture.store.directory[name: "t2"] == nil)
    }

    @Test func erasingGoesOnAfterFailures() throws {
        let (fixture, tenant) = try self.fixture()
        for value in 1...9 { try fixture.run("put a=\(value)", on: tenant) }
        fixture.backend.failCommits(Array(repeating: .before(.unavailable("full")), count: 2))
        // The first failure is that of the deletion itself.
        #expect(throws: TenantChangeError.self) { try fixture.delete(tenant, after: 0) }
        #expect(tenant.lifecycle == .active)
        #expect(try fixture.run("put a=1", on: tenant) != "rev 11")
        try fixture.delete(tenant, after: 0)
        fixture.backend.failCommits(Array(repeating: .before(.unavailable("full")), count: 2))
        try fixture.eraseAll()
        #expect(fixture.memory.tenants.count == 1 && fixture.memory.rows.isEmpty)
    }

    /// Stops after each commit of an erasing in turn, and goes on in another run.
    @Test(arguments: 1...9) func erasingGoesOnAfterACrash(_ commits: Int) throws {
        let (fixture, tenant) = try self.fixture()
        for value in 1...5 {
            try fixture.run("put a=\(value)", on: tenant)
            try fixture.run("put b=\(value)")
        }
        for lease in 1...7 { try fixture.run("grant \(lease) ttl 60", on: tenant) }
        try fixture.delete(tenant, after: 60)
        let end = fixture.memory.commits + commits
        fixture.clock.advance(bySeconds: 60)
        while fixture.memory.commits < end, fixture.memory.tenants.count == 2 {
            try fixture.turn()
            fixture.clock.advance(bySeconds: 1)
        }
        let isWhole = fixture.memory.tenants[tenant.id]?.isErasing == false
        #expect(!isWhole)
        let again = try StoreFixture(on: fixture.memory.reopened(), clock: fixture.clock) {
            $0.eraseRowsPerSlice = 2
        }
        #expect(again.store.directory[name: "t2"] == nil)
        try again.eraseAll()
        #expect(again.memory.tenants.count == 1)
        #expect(again.memory.rows.map(\.tenant.rawValue) == [1, 1, 1, 1, 1])
        #expect(again.memory.leases(of: tenant.id).isEmpty)
        _ = try again.create(.numbered(2))
    }

    private static func error(
        _ result: Result<TenantStore, TenantChangeError>
    ) throws -> TenantChangeError? {
        guard case .failure(let error) = result else { return nil }
        return error
    }
}
