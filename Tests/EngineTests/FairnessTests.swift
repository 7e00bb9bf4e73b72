import ByreCore
import ByreTestKit
import Engine
import Testing

/// Several tenants in one store: whose turn it is, and whose limits count.
@Suite struct FairnessTests {
    @Test func aLoneWriteIsInTheNextBatchWhateverAnotherTenantHasWaiting() throws {
        let fixture = try StoreFixture(on: StoreFixture.memory(with: "victim"))
        let victim = try fixture.tenant("victim")
        let flood = try Self.flood(fixture, count: 2_000)
        let lone = try fixture.submit("put v=1", to: victim)
        fixture.backend.releaseCommit()
        try fixture.backend.awaitHeldCommit()
        // The batch that is on its way now was taken when the lone write waited.
        #expect(lone.count == 0)
        fixture.backend.releaseCommit()
        #expect(try lone.text() == "rev 2")
        fixture.backend.releaseCommits()
        for (number, answer) in flood.enumerated() {
            #expect(try answer.text() == "rev \(number + 2)")
        }
        let batches = fixture.backend.batches.map(\.rows).filter { $0 > 0 }
        // A flood beside a neighbour goes in small batches.
        #expect(batches.count > 10)
        #expect(batches.allSatisfy { $0 < 200 }, "\(batches)")
    }

    @Test func aTenantAloneFillsABatch() throws {
        let fixture = try StoreFixture()
        let flood = try Self.flood(fixture, count: 2_000)
        fixture.backend.releaseCommits()
        for answer in flood { _ = try answer.text() }
        #expect(fixture.backend.batches.map(\.rows) == [0, 1, 1_999])
    }

    /// Holds the first of many writes in its commit, so that the others wait.
    private static func flood(_ fixture: StoreFixture, count: Int) throws -> [Answer] {
        fixture.backend.holdCommits()
        let first = try fixture.submit("put a=0")
        try fixture.backend.awaitHeldCommit()
        return try [first] + (1..<count).map { try fixture.submit("put a=\($0)") }
    }

    @Test func aTenantsFullQueueIsNotAnothers() throws {
        let fixture = try StoreFixture(on: StoreFixture.memory(with: "other")) {
            $0.writeQueueTenantMax = 3
            $0.writeQueueMax = 5
        }
        let other = try fixture.tenant("other")
        let flood = try Self.flood(fixture, count: 4)
        #expect(throws: RequestError.tooManyRequests) { try fixture.submit("put a=4") }
        let others = try (1...2).map { try fixture.submit("put b=\($0)", to: other) }
        #expect(throws: RequestError.tooManyRequests) { try fixture.submit("put b=3", to: other) }
        fixture.backend.releaseCommits()
        for answer in flood + others { #expect(try answer.text().hasPrefix("rev ")) }
    }

    // MARK: Limits of one tenant

    @Test func aFullTenantIsNobodyElsesTrouble() throws {
        let fixture = try StoreFixture(on: StoreFixture.memory(with: "other"))
        let other = try fixture.tenant("other")
        try Self.limit(fixture, other) { $0.bytes = 20_480 + 66 }
        #expect(try fixture.submit("put a=1", to: other).text() == "rev 2")
        #expect(try fixture.submit("put b=1", to: other).text() == "no space")
        #expect(try fixture.submit("put a=2", to: other).text() == "rev 3")
        #expect(try fixture.run("put b=1") == "rev 2")
        #expect(other.snapshot.state.hasAlarm(.noSpace))
        #expect(!fixture.tenant.snapshot.state.hasAlarm(.noSpace))
    }

    @Test func theAlarmOfAFullTenantClearsItselfWhenCompactionMadeRoom() throws {
        let fixture = try StoreFixture()
        try Self.limit(fixture) { $0.bytes = 22_680 }
        let kilo = String(repeating: "k", count: 1_000)
        for line in ["put a=\(kilo)", "put a=\(kilo)", "put b=\(kilo)", "delete b"] {
            _ = try fixture.run(line)
        }
        #expect(fixture.tenant.snapshot.state.hasAlarm(.noSpace))
        try Self.letLeaseChecksPass(fixture)
        #expect(fixture.tenant.snapshot.state.hasAlarm(.noSpace))
        try fixture.run("put a=1")
        try fixture.run("compact 4")
        try fixture.compactAll()
        try Self.letLeaseChecksPass(fixture)
        #expect(!fixture.tenant.snapshot.state.hasAlarm(.noSpace))
        #expect(try fixture.run("put b=1") == "rev 5")
    }

    @Test func theAlarmClearsItselfWhenTheLimitRisesAndOutlivesARestartOtherwise() throws {
        let fixture = try StoreFixture()
        try Self.limit(fixture) { $0.bytes = 20_500 }
        #expect(try fixture.run("put a=1") == "no space")
        fixture.stop()
        let again = try StoreFixture(on: fixture.memory.reopened())
        try Self.limit(again) { $0.bytes = 20_500 }
        try Self.letLeaseChecksPass(again)
        #expect(again.tenant.snapshot.state.hasAlarm(.noSpace))
        try Self.limit(again) { $0.bytes = 30_000 }
        try Self.letLeaseChecksPass(again)
        #expect(!again.tenant.snapshot.state.hasAlarm(.noSpace))
        #expect(try again.run("put a=1") == "rev 2")
        again.stop()
        let third = try StoreFixture(on: again.memory.reopened())
        #expect(!third.tenant.snapshot.state.hasAlarm(.noSpace))
    }

    @Test(arguments: [
        (["put a=1", "put b=1"], "put c=1", "too many keys"),
        (["put a=1"], "put a=12345", "value too large"),
        (["grant 1 ttl 60", "grant 2 ttl 60"], "grant 3 ttl 60", "too many leases"),
    ])
    func whatATenantHoldsIsCountedAnewAfterARestart(
        before: [String],
        line: String,
        refusal: String
    ) throws {
        let fixture = try StoreFixture()
        try Self.limit(fixture) {
            $0.keys = 2
            $0.valueBytes = 4
            $0.leases = 2
        }
        for line in before { #expect(try fixture.run(line).hasPrefix("rev ")) }
        #expect(try fixture.run(line) == refusal)
        fixture.stop()
        let again = try StoreFixture(on: fixture.memory.reopened())
        #expect(try again.run(line) == refusal)
        try Self.limit(again) {
            $0.keys = 3
            $0.valueBytes = 5
            $0.leases = 3
        }
        #expect(try again.run(line).hasPrefix("rev "))
    }

    @Test func watchersAreLimitedOverAllStreams() throws {
        let fixture = try StoreFixture()
        try Self.limit(fixture) { $0.watches = 2 }
        let streams = fixture.tenant.withHub { hub in
            (0..<3).compactMap { _ in
                hub.openStream(loop: 0, progressInterval: .seconds(600), now: .zero)
            }
        }
        let request = WatchCreateRequest(key: [97], rangeEnd: [])
        let ids = fixture.tenant.withHub { hub in
            streams.map { hub.create(request, on: $0, now: .zero) }
        }
        #expect(ids.map { $0 != nil } == [true, true, false])
        let refusals = fixture.tenant.withHub { hub in
            var responses: [WatchResponse] = []
            _ = hub.take(from: streams[2], bytesMax: 1_000, into: &responses)
            return responses.compactMap { response in
                if case .refused(let refusal, _) = response { refusal.reason } else { nil }
            }
        }
        #expect(refusals == ["etcdserver: too many requests"])
        // One that ends makes room for another.
        fixture.tenant.withHub { $0.closeStream(streams[0]) }
        #expect(fixture.tenant.withHub { $0.create(request, on: streams[2], now: .zero) } != nil)
        try Self.limit(fixture) { $0.watches = nil }
        #expect(fixture.tenant.withHub { $0.create(request, on: streams[2], now: .zero) } != nil)
    }

    /// Gives a tenant limits of headroom mode, as an administrator would.
    private static func limit(
        _ fixture: StoreFixture,
        _ tenant: TenantStore? = nil,
        _ set: (inout TenantLimits) -> Void
    ) throws {
        try fixture.define(tenant ?? fixture.tenant) { definition in
            definition.limits = TenantLimits()
            set(&definition.limits)
        }
    }

    private static func letLeaseChecksPass(_ fixture: StoreFixture) throws {
        fixture.clock.advance(byNanoseconds: fixture.store.configuration.leaseCheckNanoseconds)
        try fixture.turn()
    }
}
