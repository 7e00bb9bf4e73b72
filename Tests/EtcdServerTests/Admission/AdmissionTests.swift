import ByreCore
import ByreTestKit
import Engine
import GRPC
import Tenancy
import Testing

/// What a tenant's limits on its requests do to its calls.
@Suite struct AdmissionTests {
    private static let refusal = "etcdserver: too many requests"

    // MARK: Rates

    @Test func writesBeyondTheRateWaitForTheirTurn() throws {
        let fixture = try ServerFixture { $0.writesPerSecond = 2 }
        let puts = try (0..<4).map { try fixture.put("k\($0)") }
        try fixture.finish(Array(puts[..<2]))
        try fixture.settle()
        #expect(puts.map { $0.outcome == nil } == [false, false, true, true])
        fixture.loop.advance(by: .milliseconds(499))
        try fixture.settle()
        #expect(puts[2].outcome == nil)
        fixture.loop.advance(by: .milliseconds(1))
        try fixture.finish([puts[2]])
        #expect(puts[3].outcome == nil)
        fixture.loop.advance(by: .milliseconds(500))
        try fixture.finish(puts)
        #expect(puts.allSatisfy { $0.outcome == .ok } as Bool)
        #expect(fixture.tenant.snapshot.state.revision == 5)
    }

    @Test func whatWouldWaitTooLongIsRefused() throws {
        let fixture = try ServerFixture { $0.writesPerSecond = 2 }
        let puts = try (0..<20).map { try fixture.put("k\($0)") }
        let refused = puts.filter { $0.outcome == .resourceExhausted }
        #expect(refused.count == 8)
        #expect(refused.allSatisfy { $0.message == Self.refusal } as Bool)
        fixture.loop.advance(by: .seconds(5))
        try fixture.finish(puts)
        #expect(puts.count { $0.outcome == .ok } == 12)
        #expect(fixture.tenant.admission.counts.delayed == 10)
        #expect(fixture.tenant.admission.counts.refused == 8)
    }

    @Test func aCallThatIsLetGoLeavesTheQueueAtOnce() throws {
        let fixture = try ServerFixture { $0.writesPerSecond = 1 }
        let puts = try (0..<3).map { try fixture.put("k\($0)") }
        #expect(fixture.loop.timerCount == 2)
        puts[1].close()
        #expect(fixture.loop.timerCount == 1)
        #expect(fixture.tenant.admission.delayedCount == 1)
        // The next has the turn that came free, after the one that waits.
        let next = try fixture.put("next")
        fixture.loop.advance(by: .seconds(2))
        try fixture.finish([puts[2], next])
        #expect(puts[2].outcome == .ok && next.outcome == .ok)
        #expect(fixture.tenant.admission.delayedCount == 0)
        #expect(fixture.tenant.snapshot.state.revision == 4)
    }

    @Test func aCallWhoseDeadlineIsBeforeItsTurnIsRefusedAtOnce() throws {
        let fixture = try ServerFixture { $0.writesPerSecond = 1 }
        let soon = UInt64(1_000_500_000_000)
        _ = try fixture.put("k")
        let late = try fixture.put("late", deadline: soon)
        #expect(late.outcome == .resourceExhausted)
        #expect(fixture.loop.timerCount == 0)
    }

    @Test func aTransactionCountsItsKeys() throws {
        let fixture = try ServerFixture { $0.writesPerSecond = 3 }
        let txn = try fixture.call("KV/Txn", ServerFixture.txn(putting: ["a", "b", "c"]))
        try fixture.finish([txn])
        let put = try fixture.put("d")
        #expect(put.outcome == nil && fixture.loop.timerCount == 1)
        fixture.loop.advance(by: .milliseconds(334))
        try fixture.finish([put])
        #expect(put.outcome == .ok)
    }

    @Test func readsWaitForTheirRateAndNotForThatOfWrites() throws {
        let fixture = try ServerFixture {
            $0.readsPerSecond = 1
            $0.writesPerSecond = 1
        }
        try fixture.finish([try fixture.put("k")])
        let reads = try (0..<2).map { _ in try fixture.get("k") }
        #expect(reads.map(\.outcome) == [.ok, nil])
        fixture.loop.advance(by: .seconds(1))
        #expect(reads[1].outcome == .ok)
    }

    /// An answer is counted before it is sent: the next one waits for it.
    @Test func answersWaitForTheRateOfBytes() throws {
        let fixture = try ServerFixture { $0.readBytesPerSecond = 200 }
        try fixture.finish([try fixture.put("k", String(repeating: "v", count: 100))])
        fixture.loop.advance(by: .seconds(1))
        let reads = try (0..<2).map { _ in try fixture.get("k") }
        #expect(reads.map(\.outcome) == [.ok, nil])
        fixture.loop.advance(by: .milliseconds(800))
        #expect(reads[1].outcome == .ok)
    }

    @Test func whatMakesRoomIsFree() throws {
        let fixture = try ServerFixture {
            $0.writesPerSecond = 0
            $0.readsPerSecond = 0
            $0.readBytesPerSecond = 0
            $0.inFlight = 1
        }
        #expect(try fixture.put("k").outcome == .resourceExhausted)
        #expect(try fixture.get("k").outcome == .resourceExhausted)
        #expect(try fixture.call("Lease/LeaseLeases", []).outcome == .resourceExhausted)
        #expect(try fixture.call("Maintenance/Status", []).outcome == .ok)
        let compaction = try fixture.call("KV/Compact", [8, 1])
        try fixture.finish([compaction])
        #expect(compaction.outcome == .ok)
    }

    // MARK: In flight

    @Test func callsInFlightAreLimitedUntilTheyAreAnswered() throws {
        let fixture = try ServerFixture { $0.inFlight = 2 }
        fixture.backend.holdCommits()
        let puts = try (0..<3).map { try fixture.put("k\($0)") }
        #expect(puts.map(\.outcome) == [nil, nil, .resourceExhausted])
        #expect(puts[2].message == Self.refusal)
        // A call that nobody waits for is not in flight.
        puts[0].close()
        #expect(try fixture.get("k0").outcome == .ok)
        let fourth = try fixture.put("k4")
        #expect(fourth.outcome == nil)
        #expect(try fixture.get("k0").outcome == .resourceExhausted)
        fixture.backend.releaseCommits()
        try fixture.finish(puts + [fourth])
        #expect(fourth.outcome == .ok)
        #expect(try fixture.get("k0").outcome == .ok)
    }

    // MARK: Connections

    @Test func connectionsAreCountedAsLongAsTheyLast() throws {
        let fixture = try ServerFixture { $0.connections = 2 }
        var first: Peer? = fixture.peer()
        let second = fixture.peer()
        let third = fixture.peer()
        let get: [UInt8] = [10, 1, 97]
        for _ in 0..<2 {
            for exchange in [
                try fixture.call("KV/Range", get, from: first),
                try fixture.call("KV/Range", get, from: second),
            ] {
                #expect(exchange.outcome == .ok)
                exchange.close()
            }
        }
        let refused = try fixture.call("KV/Range", get, from: third)
        #expect(refused.outcome == .resourceExhausted)
        #expect(refused.message == Self.refusal)
        first = nil
        #expect(fixture.tenant.admission.connections == 1)
        #expect(try fixture.call("KV/Range", get, from: third).outcome == .ok)
        #expect(fixture.tenant.admission.connections == 2)
    }
}
