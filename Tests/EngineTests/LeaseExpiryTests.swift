import ByreCore
import ByreTestKit
import Engine
import Synchronization
import Testing

/// Leases of a running store, by its clock.
@Suite struct LeaseExpiryTests {
    private final class Count: Sendable {
        private let count = Atomic<Int>(0)

        var value: Int { self.count.load(ordering: .relaxed) }

        func increment() { self.count.add(1, ordering: .relaxed) }
    }

    private func fixture() throws -> StoreFixture {
        let fixture = try StoreFixture()
        try fixture.run("grant 7 ttl 5")
        try fixture.run("put a=1 lease 7")
        try fixture.run("put b=1 lease 7")
        return fixture
    }

    private let id = LeaseID(rawValue: 7)

    @Test func aLeaseEndsByTheClockWithItsKeys() throws {
        let fixture = try self.fixture()
        fixture.clock.advance(bySeconds: 4)
        try fixture.turn()
        #expect(try fixture.contents() == "a=1 b=1")
        #expect(fixture.tenant.remaining(self.id, now: fixture.clock.now) == 1_000_000_000)
        fixture.clock.advance(bySeconds: 1)
        try fixture.turn()
        #expect(try fixture.contents() == "")
        #expect(fixture.revision == 4)
        #expect(fixture.tenant.leasesByRemaining().isEmpty)
        #expect(fixture.tenant.remaining(self.id, now: fixture.clock.now) == nil)
    }

    @Test func aRenewalKeepsIt() throws {
        let fixture = try self.fixture()
        for _ in 0..<5 {
            fixture.clock.advance(bySeconds: 4)
            let renewal = fixture.tenant.keepAlive(self.id, now: fixture.clock.now) {}
            #expect(renewal == .renewed(ttlSeconds: 5))
            try fixture.turn()
        }
        #expect(try fixture.contents() == "a=1 b=1")
    }

    @Test func aRenewalThatComesTooLateHearsOfTheEndOnce() throws {
        let fixture = try self.fixture()
        let ended = Count()
        fixture.clock.advance(bySeconds: 5)
        for _ in 0..<2 {
            let renewal = fixture.tenant.keepAlive(self.id, now: fixture.clock.now) {
                ended.increment()
            }
            #expect(renewal == .expired)
        }
        #expect(ended.value == 0)
        try fixture.turn()
        #expect(ended.value == 2)
        #expect(try fixture.contents() == "")
        let renewal = fixture.tenant.keepAlive(self.id, now: fixture.clock.now) {
            ended.increment()
        }
        #expect(renewal == .notFound)
        try fixture.turn()
        #expect(ended.value == 2)
    }

    @Test func anEndThatCannotBeWrittenIsTriedAgain() throws {
        let fixture = try self.fixture()
        let ended = Count()
        fixture.clock.advance(bySeconds: 5)
        fixture.backend.failCommits([.before(.unavailable("full"))])
        _ = fixture.tenant.keepAlive(self.id, now: fixture.clock.now) { ended.increment() }
        try fixture.turn()
        #expect(try fixture.contents() == "a=1 b=1")
        #expect(ended.value == 0)
        fixture.clock.advance(bySeconds: 3)
        try fixture.turn()
        #expect(try fixture.contents() == "")
        #expect(ended.value == 1)
    }

    @Test func aRestartGivesEveryLeaseItsFullTimeAndAGrace() throws {
        let fixture = try self.fixture()
        fixture.clock.advance(bySeconds: 4)
        fixture.stop()
        let again = try StoreFixture(on: fixture.memory.reopened(), clock: fixture.clock)
        #expect(again.tenant.remaining(self.id, now: again.clock.now) == 6_000_000_000)
        again.clock.advance(byNanoseconds: 5_900_000_000)
        try again.turn()
        #expect(try again.contents() == "a=1 b=1")
        again.clock.advance(bySeconds: 1)
        try again.turn()
        #expect(try again.contents() == "")
    }

    @Test func leasesAreListedByTheTimeTheyHaveLeft() throws {
        let fixture = try self.fixture()
        try fixture.run("grant 8 ttl 3")
        try fixture.run("grant 9 ttl 9")
        #expect(fixture.tenant.leasesByRemaining().map(\.rawValue) == [8, 7, 9])
        _ = fixture.tenant.keepAlive(LeaseID(rawValue: 8), now: fixture.clock.now + 4) {}
        #expect(fixture.tenant.leasesByRemaining().map(\.rawValue) == [8, 7, 9])
        _ = fixture.tenant.keepAlive(LeaseID(rawValue: 8), now: fixture.clock.now) {}
        try fixture.run("revoke 7")
        #expect(fixture.tenant.leasesByRemaining().map(\.rawValue) == [8, 9])
    }
}
