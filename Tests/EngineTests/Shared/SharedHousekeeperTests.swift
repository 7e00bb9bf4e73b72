import ByreCore
import ByreTestKit
import Engine
import Testing

/// Instances that go silent: who keeps the house instead, and who counts as there.
@Suite struct SharedHousekeeperTests {
    /// A fixture, its housekeeper, and the other instance.
    private func start() throws -> (fixture: SharedFixture, house: Int, other: Int) {
        let fixture = try SharedFixture {
            $0.sharedRemovalDelayNanoseconds = 0
            $0.eraseRetryNanoseconds = 1_000_000
        }
        try fixture.await("a housekeeper") { fixture.memory.housekeeper != nil }
        let house = Int(try #require(fixture.memory.housekeeper)) - 1
        return (fixture, house, 1 - house)
    }

    @Test func anotherDeletesExpiresAndErasesWhenItDies() throws {
        let (fixture, house, other) = try self.start()
        let acme = try fixture.change(.create(.numbered(5, name: "acme")), on: house)
        try fixture.run("put x=1", on: house, tenant: "acme")
        try fixture.run("grant 7 ttl 20", on: house)
        try fixture.run("put leased=1 lease 7", on: house)
        for number in 1...4 { try fixture.run("put a=\(number)", on: other) }
        fixture.cut(house)
        try fixture.run("compact 6", on: other)
        let id = try fixture.tenant(other).id
        #expect(fixture.memory.rows(of: id).count == 5)
        var definition = try fixture.tenant(other, "acme").definition
        definition.lifecycle = .deleting
        definition.reclaimAt = 0
        _ = try fixture.change(.replace(acme.id, definition, ifGeneration: nil), on: other)

        fixture.memory.advance(bySeconds: 3)
        #expect(fixture.memory.housekeeper == UInt64(house) + 1)
        fixture.memory.advance(bySeconds: 2)
        try fixture.await("another housekeeper", at: other) {
            fixture.memory.housekeeper == UInt64(other) + 1
        }
        try fixture.await("the deletion of rows", at: other) {
            fixture.memory.rows(of: id).count == 2
        }
        try fixture.await("the end of the tenant", at: other) {
            fixture.memory.rows(of: acme.id).isEmpty && fixture.stores[other].erasing.isEmpty
        }
        // For as long as nobody kept the house nobody could renew.
        #expect(fixture.memory.secondsLeft(of: id) == [LeaseID(rawValue: 7): 20])
        fixture.memory.advance(bySeconds: 20)
        try fixture.await("the expiry", at: other) { try fixture.contents(other) == "a=4" }

        fixture.cut(house, false)
        #expect(try fixture.contents(house) == "a=4")
        try fixture.await("the end of the tenant") {
            fixture.stores[house].tenant(named: "acme") == nil
        }
        #expect(fixture.memory.revocations == [LeaseID(rawValue: 7): 1])
        #expect(fixture.memory.faults == [])
    }

    /// Rows stay for as long as an answer of any instance may need them.
    @Test func whatAnotherInstanceReadsIsNotDeleted() throws {
        let (fixture, house, other) = try self.start()
        let id = try fixture.tenant(house).id
        for number in 1...3 { try fixture.run("put a=\(number)", on: house) }
        try fixture.settle(other)
        var pinned: PinnedSnapshot? = try fixture.tenant(other).pinnedSnapshot()
        try fixture.run("compact 3", on: house)
        try fixture.settle(other)
        try fixture.await("that it is said") {
            fixture.memory.readers == [UInt64(other) + 1]
                && fixture.stores[house].shared?.keeper.readSince != nil
        }
        // It reads what was compacted before it came, too: one may be as long as the other.
        for number in 4...6 { try fixture.run("put a=\(number)", on: house) }
        try fixture.run("compact 6", on: house)
        let beats = fixture.memory.beats
        try fixture.await("some beats") { fixture.memory.beats > beats + 50 }
        let rows = fixture.memory.rows(of: id).map(\.version.modRevision)
        #expect(rows.suffix(4) == [4, 5, 6, 7])
        #expect(pinned?.state.revision == 4)
        pinned = nil
        try fixture.await("the deletion of rows") { fixture.memory.rows(of: id).count == 2 }
        #expect(fixture.memory.readers == [])
    }

    @Test func membersAreTheInstancesThatLive() throws {
        let fixture = try SharedFixture(instances: 3)
        func members(at instance: Int) throws -> [String] {
            try #require(fixture.stores[instance].shared).keeper.instances.map(\.name)
        }
        func tells(_ names: [String], at instance: Int) throws {
            try fixture.await("\(names) at \(instance)", at: instance) {
                try members(at: instance) == names
            }
        }
        for instance in 0..<3 { try tells(["i0", "i1", "i2"], at: instance) }
        fixture.cut(2)
        fixture.memory.advance(bySeconds: 9)
        fixture.memory.advance(bySeconds: 2)
        for instance in 0..<2 { try tells(["i0", "i1"], at: instance) }
        // It knows no better.
        #expect(try members(at: 2) == ["i0", "i1", "i2"])
        fixture.cut(2, false)
        for instance in 0..<3 { try tells(["i0", "i1", "i2"], at: instance) }
        // One that is started anew is the one that it was.
        try fixture.restart(1)
        for instance in 0..<3 { try tells(["i0", "i1", "i2"], at: instance) }
    }

    @Test func aTenantIsErasedWhileAnotherInstanceServesIt() throws {
        let (fixture, house, other) = try self.start()
        let acme = try fixture.change(.create(.numbered(5, name: "acme")), on: house)
        try fixture.await("the tenant", at: other) {
            fixture.stores[other].tenant(named: "acme") != nil
        }
        let served = try fixture.tenant(other, "acme")
        let answers = try (0..<200).map { number in
            if number == 20 {
                var definition = acme.definition
                definition.lifecycle = .deleting
                definition.reclaimAt = 0
                _ = try fixture.change(.replace(acme.id, definition, ifGeneration: nil), on: house)
            }
            let answer = Answer()
            try fixture.stores[other].submit(
                .put(PutRequest(key: Bytes("k\(number)".utf8), value: [1])),
                to: served,
                reply: answer
            )
            return answer
        }
        // Each is answered: it is done, or the tenant is gone.
        var isGone = false
        for (number, answer) in answers.enumerated() {
            switch try answer.result() {
            case .success: #expect(!isGone, "\(number) is done after one was refused")
            case .failure(.stopped): isGone = true
            case .failure(let error): Issue.record("\(number) is told \(error)")
            }
        }
        try fixture.await("the end of the tenant") {
            fixture.stores.allSatisfy { $0.tenant(named: "acme") == nil && $0.erasing.isEmpty }
        }
        #expect(fixture.memory.rows(of: acme.id).isEmpty)
        // The others are served as before.
        #expect(try fixture.run("put a=1", on: other) == "rev 2")
        #expect(fixture.memory.faults == [])
    }
}
