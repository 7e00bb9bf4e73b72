import ByreCore
import ByreTestKit
import Engine
import Synchronization
import Testing

/// Leases that clients keep through one instance and ask for at another.
@Suite struct SharedLeaseTests {
    private let lease = LeaseID(rawValue: 7)

    private func left(_ fixture: SharedFixture, at instance: Int) throws -> Int64? {
        try fixture.remaining(self.lease, at: instance).map { $0 / 1_000_000_000 }
    }

    @Test func aLeaseIsKeptThroughAnyInstance() throws {
        let fixture = try SharedFixture(instances: 3)
        try fixture.run("grant 7 ttl 10", on: 0)
        try fixture.run("put a=1 lease 7", on: 1)
        for turn in 0..<6 {
            fixture.memory.advance(bySeconds: 9)
            #expect(try self.left(fixture, at: (turn + 1) % 3) == 1)
            #expect(try fixture.renew(self.lease, at: turn % 3) == .renewed(ttlSeconds: 10))
            for instance in 0..<3 { #expect(try self.left(fixture, at: instance) == 10) }
        }
        fixture.memory.advance(bySeconds: 11)
        try fixture.await("the expiry") { try fixture.contents(1) == "" }
        for instance in 0..<3 {
            #expect(try fixture.renew(self.lease, at: instance) == .notFound)
            #expect(try self.left(fixture, at: instance) == nil)
        }
        #expect(fixture.memory.revocations == [self.lease: 1])
    }

    @Test func nobodyRenewsALeaseThatIsOver() throws {
        let fixture = try SharedFixture()
        try fixture.run("grant 7 ttl 10", on: 0)
        // Nobody can revoke it.
        for instance in 0..<2 {
            fixture.memory.failCommits(of: instance, Array(repeating: .before, count: 100_000))
        }
        fixture.memory.advance(bySeconds: 10)
        for instance in 0..<2 { #expect(try fixture.renew(self.lease, at: instance) == .expired) }
        for instance in 0..<2 { fixture.memory.failNoCommits(of: instance) }
        try fixture.await("the expiry") { try self.left(fixture, at: 0) == nil }
        #expect(fixture.memory.revocations == [self.lease: 1])
    }

    /// However few proposals there are in a batch.
    @Test func aLeaseThatOnlySeemsToBeOverStays() throws {
        let fixture = try SharedFixture { $0.batchOperationsMax = 1 }
        _ = try fixture.change(.create(.numbered(5, name: "acme")), on: 0)
        for tenant in ["default", "acme"] {
            for lease in 7...9 { try fixture.run("grant \(lease) ttl 60", on: 0, tenant: tenant) }
        }
        fixture.memory.suspectAllLeases()
        for number in 0..<100 { try fixture.run("put a=\(number)", on: number % 2) }
        try fixture.await("some beats") { fixture.memory.beats > 200 }
        #expect(fixture.memory.revocations == [:])
        #expect(fixture.memory.faults == [])
    }

    @Test func timeInWhichNobodyReachedTheStoreEndsNoLease() throws {
        let fixture = try SharedFixture()
        try fixture.run("grant 7 ttl 10", on: 0)
        fixture.memory.advance(bySeconds: 4)
        for instance in 0..<2 { fixture.cut(instance) }
        fixture.memory.advance(bySeconds: 3_600)
        for instance in 0..<2 { fixture.cut(instance, false) }
        // Before a housekeeper has added the time, too, it can be renewed.
        try fixture.await("the time that is added") { try self.left(fixture, at: 0) == 6 }
        #expect(try fixture.renew(self.lease, at: 1) == .renewed(ttlSeconds: 10))
        #expect(try self.left(fixture, at: 0) == 10)
        #expect(fixture.memory.revocations == [:])
    }

    @Test func whoIsCutOffSaysSo() throws {
        let fixture = try SharedFixture()
        try fixture.run("grant 7 ttl 10", on: 0)
        fixture.cut(1)
        let cutOff = RequestError.backend(.unavailable("cut off"))
        #expect(throws: cutOff) { try fixture.renew(self.lease, at: 1) }
        #expect(throws: cutOff) { try fixture.remaining(self.lease, at: 1) }
        fixture.cut(1, false)
        #expect(try fixture.renew(self.lease, at: 1) == .renewed(ttlSeconds: 10))
    }
}
