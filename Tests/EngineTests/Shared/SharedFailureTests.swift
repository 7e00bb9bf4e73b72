import ByreCore
import ByreTestKit
import Engine
import Testing

/// Instances that cannot reach the store, do not learn what became of a commit, or come back late.
@Suite struct SharedFailureTests {
    @Test func anInstanceThatIsCutOffRefusesAndGoesOnAlone() throws {
        let fixture = try SharedFixture()
        try fixture.run("put a=1", on: 0)
        try fixture.settle(1)
        let watch = try SharedWatch(fixture, 1)
        fixture.memory.cut(1)
        #expect(try fixture.run("put a=2", on: 1) == #"backend: unavailable("cut off")"#)
        #expect(try fixture.barrier(1) == .backend(.unavailable("cut off")))
        // From memory it answers, with what it has.
        #expect(try fixture.present(0).revision == 2)
        try fixture.run("put a=3", on: 0)
        fixture.memory.cut(1, false)
        #expect(try fixture.run("put a=4", on: 1) == "rev 4")
        #expect(
            try watch.lines(3) == ["created", "3 PUT a=3 was 1", "4 PUT a=4 was 3"]
        )
    }

    @Test func whatFailedIsNotThereAndWhatIsUnknownIsLookedUp() throws {
        let fixture = try SharedFixture()
        let watch = try SharedWatch(fixture, 0)
        fixture.memory.failCommits(of: 0, [.before, .unknown])
        #expect(try fixture.run("put a=1", on: 0) == #"backend: unavailable("told to")"#)
        #expect(try fixture.run("put a=2", on: 0) == #"backend: uncertain("told to")"#)
        #expect(try fixture.run("put a=3 prev", on: 0) == "rev 3 was a=2/c2/m2/v1")
        #expect(try watch.lines(3) == ["created", "2 PUT a=2", "3 PUT a=3 was 2"])
        #expect(fixture.memory.faults == [])
    }

    @Test(arguments: [1, 3, 1_000]) func whoComesBackLateCatchesUpInSlices(rows: Int) throws {
        let fixture = try SharedFixture(on: SharedMemoryStore(sliceRowsMax: rows))
        try fixture.run("grant 1 ttl 60", on: 0)
        try fixture.run("put old=1 lease 1", on: 0)
        try fixture.settle(1)
        let watch = try SharedWatch(fixture, 1)
        fixture.memory.cut(1)
        try fixture.run("grant 2 ttl 60", on: 0)
        for number in 0..<10 { try fixture.run("put k\(number)=x lease 2", on: 0) }
        try fixture.run("revoke 1", on: 0)
        fixture.memory.forgetChanges()
        try fixture.run("grant 3 ttl 60", on: 0)
        fixture.memory.cut(1, false)
        #expect(try fixture.contents(1) == fixture.contents(0))
        let states = try [0, 1].map { try fixture.tenant($0).snapshot.state }
        #expect(states[0].record == states[1].record)
        let leases = states.map { state in
            state.leases.records.map { "\($0.id.rawValue) \(state.leases[$0.id]?.keys.count ?? 0)" }
                .sorted()
        }
        #expect(leases == [["2 10", "3 0"], ["2 10", "3 0"]])
        #expect(try watch.lines(12).last == "13 DEL old was 1")
    }

    @Test func whoMissesWhatIsCompactedLoadsTheTenantAnew() throws {
        let fixture = try SharedFixture(on: SharedMemoryStore(sliceRowsMax: 2)) {
            $0.sharedRemovalDelayNanoseconds = 0
        }
        for line in ["put a=1", "put b=1", "put c=1"] { try fixture.run(line, on: 0) }
        try fixture.settle(1)
        let watch = try SharedWatch(fixture, 1)
        fixture.memory.cut(1)
        let lines = ["put a=2", "delete b", "put a=3", "put d=1", "compact 8", "put e=1"]
        for line in lines { try fixture.run(line, on: 0) }
        let id = try fixture.tenant(0).id
        try fixture.await("the deletion of rows") { fixture.memory.rows(of: id).count == 4 }
        fixture.memory.cut(1, false)
        #expect(try fixture.contents(1) == "a=3 c=1 d=1 e=1")
        #expect(try watch.lines(2) == ["created", "compacted 8"])
        // Who starts at the compacted revision gets it.
        let again = try SharedWatch(fixture, 1, from: 8)
        #expect(try again.lines(3) == ["created", "8 PUT d=1", "9 PUT e=1"])
        #expect(try fixture.run("put a=4 prev", on: 1) == "rev 10 was a=3/c2/m7/v3")
    }
}
