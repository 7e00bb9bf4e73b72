import ByreCore
import ByreTestKit
import Engine
import Testing

/// Two instances of one store: what each sees of the other.
@Suite struct SharedStoreTests {
    @Test func whatOneWritesTheOtherReads() throws {
        let fixture = try SharedFixture()
        #expect(try fixture.run("put a=1", on: 0) == "rev 2")
        #expect(try fixture.contents(1) == "a=1")
        #expect(try fixture.run("put a=2 prev", on: 1) == "rev 3 was a=1/c2/m2/v1")
        #expect(try fixture.run("delete a prev", on: 0).hasPrefix("rev 4 deleted 1"))
        #expect(try fixture.contents(1) == "")
        #expect(fixture.memory.faults == [])
        let states = try [0, 1].map { try fixture.tenant($0).snapshot.state }
        #expect(states[0].record == states[1].record)
        #expect(states[0].usedBytes == states[1].usedBytes)
    }

    @Test func whoIsAloneWithATenantLocksNothing() throws {
        let fixture = try SharedFixture()
        let before = fixture.memory.beginnings
        for number in 0..<20 { try fixture.run("put a=\(number)", on: 0) }
        #expect(try fixture.run("txn if mod:a=3 then put a=x", on: 0) == "rev 21 no")
        #expect(fixture.memory.beginnings == before)
        // It is not alone any more: what it decides on is not the newest, or not known to be.
        #expect(try fixture.run("put a=y", on: 1) == "rev 22")
        #expect(try fixture.run("put a=z prev", on: 0).hasPrefix("rev 23 was a=y"))
        #expect(fixture.memory.beginnings > before)
        #expect(fixture.memory.faults == [])
    }

    /// What a comparison found is not told before it is known to have been so.
    @Test func aComparisonSeesWhatOthersHaveWritten() throws {
        let fixture = try SharedFixture()
        for number in 0..<50 {
            try fixture.run("put a=\(number)", on: number % 2)
            let line = "txn if value:a=\(number) then put b=1"
            let revision = 2 * number + 3
            #expect(
                try fixture.run(line, on: 1 - number % 2) == "rev \(revision) yes: rev \(revision)"
            )
        }
        #expect(fixture.memory.faults == [])
    }

    @Test func watchersOfAllInstancesSeeEveryChangeOnceInOrder() throws {
        let fixture = try SharedFixture(instances: 3)
        let watches = try (0..<3).map { try SharedWatch(fixture, $0) }
        var expected = ["created"]
        for number in 0..<60 {
            try fixture.run("put a=\(number)", on: number % 3)
            let before = number > 0 ? " was \(number - 1)" : ""
            expected.append("\(number + 2) PUT a=\(number)\(before)")
        }
        for watch in watches { #expect(try watch.lines(61) == expected) }
    }

    @Test func leasesAndAlarmsAreThereForAll() throws {
        let fixture = try SharedFixture()
        try fixture.run("grant 7 ttl 60", on: 0)
        #expect(try fixture.run("put a=1 lease 7", on: 1) == "rev 2")
        #expect(try fixture.run("grant 7 ttl 60", on: 1) == "lease exists")
        #expect(try fixture.run("revoke 7", on: 0) == "rev 3")
        #expect(try fixture.run("put a=1 lease 7", on: 1) == "lease not found")
        #expect(try fixture.contents(1) == "")
        try fixture.run("alarm CORRUPT 9", on: 1)
        #expect(try fixture.run("put a=1", on: 0) == "corrupt")
    }

    @Test func aLeaseThatIsOverIsRevokedOnce() throws {
        let fixture = try SharedFixture(instances: 3)
        try fixture.run("grant 7 ttl 10", on: 1)
        try fixture.run("put a=1 lease 7", on: 2)
        fixture.memory.advance(bySeconds: 11)
        try fixture.await("the expiry") { try fixture.contents(2) == "" }
        #expect(fixture.memory.revocations == [LeaseID(rawValue: 7): 1])
        #expect(try fixture.contents(0) == "")
        #expect(fixture.memory.faults == [])
    }

    @Test func aTenantCreatedElsewhereIsServed() throws {
        let fixture = try SharedFixture()
        let tenant = try fixture.change(.create(.numbered(5, name: "acme")), on: 0)
        try fixture.run("put a=1", on: 0, tenant: "acme")
        try fixture.await("the tenant") { fixture.stores[1].tenant(named: "acme") != nil }
        #expect(try fixture.contents(1, "acme") == "a=1")
        #expect(try fixture.run("put b=1", on: 1, tenant: "acme") == "rev 3")
        var definition = tenant.definition
        definition.lifecycle = .suspended
        _ = try fixture.change(.replace(tenant.id, definition, ifGeneration: nil), on: 0)
        try fixture.await("the suspension") {
            try fixture.tenant(1, "acme").lifecycle == .suspended
        }
        // The same name is refused by who has not heard of it, too.
        let answer = TenantAnswer()
        try fixture.stores[1].submit(.create(.numbered(6, name: "acme")), reply: answer)
        #expect(throws: TenantChangeError.nameTaken(isDeleting: false)) {
            try answer.result().get()
        }
    }

    @Test func aTenantErasedElsewhereIsGone() throws {
        let fixture = try SharedFixture { $0.eraseRetryNanoseconds = 1_000_000 }
        let tenant = try fixture.change(.create(.numbered(5, name: "acme")), on: 1)
        try fixture.run("put a=1", on: 1, tenant: "acme")
        var definition = tenant.definition
        definition.lifecycle = .deleting
        definition.reclaimAt = 0
        _ = try fixture.change(.replace(tenant.id, definition, ifGeneration: nil), on: 1)
        try fixture.await("the end of the tenant") {
            fixture.stores.allSatisfy { $0.tenant(named: "acme") == nil && $0.erasing.isEmpty }
        }
        #expect(fixture.memory.rows(of: tenant.id).isEmpty)
        // Its number is not used again.
        let next = try fixture.change(.create(.numbered(6, name: "acme")), on: 0)
        #expect(next.id > tenant.id)
    }

    @Test func limitsOfRatesAreDividedAmongTheInstancesThatLive() throws {
        var limits = TenantLimits()
        limits.writesPerSecond = 10
        limits.readsPerSecond = 1
        limits.keys = 9
        let part = limits.divided(among: 3)
        #expect(part.writesPerSecond == 4)
        #expect(part.readsPerSecond == 1)
        #expect(part.readBytesPerSecond == nil)
        #expect(part.keys == 9)
    }
}
