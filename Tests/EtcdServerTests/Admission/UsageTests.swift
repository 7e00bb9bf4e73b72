import ByreCore
import ByreTestKit
import Engine
import GRPC
import Tenancy
import Testing

/// What is counted of a tenant whether it has limits or not.
@Suite struct UsageTests {
    /// What is counted, as writes, reads and whether bytes were read.
    private func done(_ fixture: ServerFixture) -> [Int64] {
        let admission = fixture.tenant.admission
        return [admission.done(.writes), admission.done(.reads), admission.inFlight]
    }

    @Test(arguments: [nil, 1_000] as [Int64?])
    func callsAreCounted(limit: Int64?) throws {
        let fixture = try ServerFixture {
            $0.writesPerSecond = limit
            $0.readsPerSecond = limit
            $0.readBytesPerSecond = limit.map { $0 * 1_000 }
            $0.inFlight = limit
        }
        fixture.backend.holdCommits()
        let puts = try (0..<3).map { try fixture.put("k\($0)") }
        #expect(self.done(fixture) == [3, 0, 3])
        // Nobody waits for it any more.
        puts[0].close()
        #expect(self.done(fixture) == [3, 0, 2])
        fixture.backend.releaseCommits()
        try fixture.finish(puts)
        #expect(self.done(fixture) == [3, 0, 0])
        let answered = fixture.tenant.admission.done(.readBytes)
        let read = try fixture.get("k0")
        try fixture.finish([read])
        #expect(self.done(fixture) == [3, 1, 0])
        // Its header, key and value.
        #expect((20...100).contains(fixture.tenant.admission.done(.readBytes) - answered))
        let txn = try fixture.call("KV/Txn", ServerFixture.txn(putting: ["a", "b"]))
        try fixture.finish([txn])
        #expect(self.done(fixture) == [5, 1, 0])
    }

    @Test func whatIsRefusedIsNotCounted() throws {
        let fixture = try ServerFixture { limits in
            limits.writesPerSecond = 0
            limits.readsPerSecond = 0
        }
        #expect(try fixture.put("k").outcome == .resourceExhausted)
        #expect(try fixture.get("k").outcome == .resourceExhausted)
        #expect(self.done(fixture) == [0, 0, 0])
    }

    @Test func whatWaitsIsCountedWhenItIsItsTurn() throws {
        let fixture = try ServerFixture { $0.writesPerSecond = 1 }
        let puts = try (0..<3).map { try fixture.put("k\($0)") }
        #expect(self.done(fixture)[0] == 1)
        fixture.loop.advance(by: .seconds(1))
        #expect(self.done(fixture)[0] == 2)
        fixture.loop.advance(by: .seconds(1))
        try fixture.finish(puts)
        #expect(self.done(fixture)[0] == 3)
    }
}
