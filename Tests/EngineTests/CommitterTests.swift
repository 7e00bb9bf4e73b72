import ByreCore
import ByreTestKit
import Engine
import Instrumentation
import Testing

/// Batches, their bounds, their failures.
@Suite struct CommitterTests {
    @Test func nobodyIsToldBeforeTheCommit() throws {
        let fixture = try StoreFixture()
        fixture.backend.holdCommits()
        let answer = try fixture.submit("put a=1")
        try fixture.backend.awaitHeldCommit()
        #expect(answer.count == 0)
        #expect(fixture.revision == 1)
        #expect(try fixture.contents() == "")
        fixture.backend.releaseCommits()
        #expect(try answer.text() == "rev 2")
        #expect(fixture.revision == 2)
        #expect(try fixture.contents() == "a=1")
    }

    @Test func theNextBatchGathersWhileOneIsOnItsWay() throws {
        let fixture = try StoreFixture()
        fixture.backend.holdCommits()
        let first = try fixture.submit("put a=0")
        try fixture.backend.awaitHeldCommit()
        let answers = try (1...10).map { try fixture.submit("put a=\($0) prev") }
        fixture.backend.releaseCommits()
        #expect(try first.text() == "rev 2")
        for (number, answer) in answers.enumerated() {
            let before = "a=\(number)/c2/m\(number + 2)/v\(number + 1)"
            #expect(try answer.text() == "rev \(number + 3) was \(before)")
        }
        #expect(fixture.backend.batches.map(\.rows) == [0, 1, 10])
        #expect(fixture.store.counters.commitDurations.count == 2)
    }

    @Test func aBatchHoldsNoMoreOperationsThanItsBound() throws {
        let fixture = try StoreFixture { $0.batchOperationsMax = 4 }
        #expect(try Self.batches(of: 10, "x", on: fixture) == [1, 4, 4, 2])
    }

    @Test func aBatchTakesNoOperationOnceItHasItsBytes() throws {
        let fixture = try StoreFixture { $0.batchBytesMax = 25 }
        // Ten bytes each: the third is the last that is begun below the bound.
        #expect(try Self.batches(of: 7, "23456789", on: fixture) == [1, 3, 3, 1])
    }

    /// Rows of each commit when `count` puts wait behind one.
    private static func batches(
        of count: Int,
        _ value: String,
        on fixture: StoreFixture
    ) throws -> [Int] {
        fixture.backend.holdCommits()
        let first = try fixture.submit("put a=1")
        try fixture.backend.awaitHeldCommit()
        let answers = try (0..<count).map { _ in try fixture.submit("put a=\(value)1") }
        fixture.backend.releaseCommits()
        for answer in [first] + answers { _ = try answer.text() }
        return fixture.backend.batches.map(\.rows).filter { $0 > 0 }
    }

    @Test func moreThanTheQueueHoldsIsRefusedAtOnce() throws {
        let fixture = try StoreFixture { $0.writeQueueMax = 3 }
        fixture.backend.holdCommits()
        let first = try fixture.submit("put a=0")
        try fixture.backend.awaitHeldCommit()
        let waiting = try (1...3).map { try fixture.submit("put a=\($0)") }
        #expect(throws: RequestError.tooManyRequests) { try fixture.submit("put a=4") }
        fixture.backend.releaseCommits()
        #expect(
            try ([first] + waiting).map { try $0.text() } == ["rev 2", "rev 3", "rev 4", "rev 5"]
        )
        #expect(try fixture.run("put a=4") == "rev 6")
    }

    @Test func whatWaitedTooLongIsNotBegun() throws {
        let fixture = try StoreFixture()
        fixture.backend.holdCommits()
        let first = try fixture.submit("put a=1")
        try fixture.backend.awaitHeldCommit()
        let late = try fixture.submit("put a=2")
        fixture.clock.advance(byNanoseconds: 7_000_000_001)
        let inTime = try fixture.submit("put a=3")
        fixture.backend.releaseCommits()
        #expect(try first.text() == "rev 2")
        #expect(try late.text() == "timed out")
        #expect(try inTime.text() == "rev 3")
        #expect(try fixture.contents() == "a=3")
    }

    @Test func whatChangesNothingCostsNoCommit() throws {
        let fixture = try StoreFixture()
        try fixture.run("put a=1")
        let commits = fixture.memory.commits
        #expect(try fixture.run("delete x") == "rev 2 deleted 0")
        #expect(
            try fixture.run("txn if ver:a=9 then put a=2 else get a") == "rev 2 no: rev 2 of 1: a=1"
        )
        #expect(try fixture.run("put b=1 lease 9") == "lease not found")
        #expect(try fixture.run("compact 9") == "future revision")
        #expect(fixture.memory.commits == commits)
        // A lease without keys makes no revision, but it must be gone after a restart.
        #expect(try fixture.run("grant 7 ttl 5") == "rev 2 lease 7 ttl 5")
        #expect(try fixture.run("revoke 7") == "rev 2")
        #expect(fixture.memory.commits == commits + 2)
        let sequence = fixture.tenant.snapshot.state.sequence
        #expect(sequence == 3)
    }

    // MARK: Failures

    @Test func aFailedCommitLeavesNothingAndServiceGoesOn() throws {
        let fixture = try StoreFixture()
        try fixture.run("put a=1")
        fixture.backend.failCommits([
            .before(.unavailable("full")), .before(.unavailable("full")),
        ])
        #expect(try fixture.run("put a=2") == #"backend: unavailable("full")"#)
        #expect(try fixture.run("delete a") == #"backend: unavailable("full")"#)
        #expect(fixture.revision == 2)
        #expect(try fixture.contents() == "a=1")
        #expect(try fixture.run("put b=1") == "rev 3")
        #expect(try fixture.contents() == "a=1 b=1")
        #expect(fixture.memory.rows.map(\.version.modRevision) == [2, 3])
        #expect(
            fixture.reports.all == [#"commits fail: unavailable("full")"#, "commits work"]
        )
        #expect(fixture.store.counters.failures == 2)
    }

    @Test func whatACommitLeavesForLaterIsSettledAfterItsAnswer() throws {
        let fixture = try StoreFixture()
        fixture.backend.leaveSettling()
        let before = fixture.backend.settlings.count
        #expect(try fixture.run("put a=1") == "rev 2")
        // What changes nothing commits nothing.
        try fixture.turn()
        #expect(fixture.backend.settlings.dropFirst(before) == [false])
    }

    @Test func settlingThatFailsIsToldAndLosesNothing() throws {
        let fixture = try StoreFixture()
        fixture.backend.failSettling(.unavailable("full"))
        #expect(try fixture.run("put a=1") == "rev 2")
        #expect(try fixture.run("put a=2") == "rev 3")
        try fixture.turn()
        fixture.backend.failSettling(nil)
        #expect(try fixture.run("put a=3") == "rev 4")
        #expect(try fixture.contents() == "a=3")
        let told = fixture.reports.all
        #expect(told.first == #"commits fail: unavailable("full")"#)
        #expect(told.last == "commits work")
    }

    /// What was evaluated on top of the failed part, refusals too, says nothing of the tenant.
    @Test func allOfAFailedBatchFail() throws {
        let fixture = try StoreFixture()
        fixture.backend.holdCommits()
        let first = try fixture.submit("put a=1")
        try fixture.backend.awaitHeldCommit()
        let lines = ["put a=2", "grant 7 ttl 5", "put b=1 lease 7", "grant 7 ttl 5", "compact 3"]
        let answers = try lines.map { try fixture.submit($0) }
        fixture.backend.releaseCommit()
        #expect(try first.text() == "rev 2")
        try fixture.backend.awaitHeldCommit()
        fixture.backend.failCommits([.before(.unavailable("full"))])
        fixture.backend.releaseCommits()
        for answer in answers {
            #expect(try answer.text() == #"backend: unavailable("full")"#)
            #expect(answer.count == 1)
        }
        #expect(try fixture.contents() == "a=1")
        #expect(fixture.tenant.leasesByRemaining().isEmpty)
        #expect(try fixture.run("grant 7 ttl 5") == "rev 2 lease 7 ttl 5")
        #expect(try fixture.run("put c=1 lease 7") == "rev 3")
    }

    @Test func aQuotaThatIsFullRaisesAnAlarmThatSurvives() throws {
        let fixture = try StoreFixture { $0.quota = Quota(bytes: 20_480 + 258) }
        #expect(try fixture.run("put a=1") == "no space")
        #expect(fixture.tenant.snapshot.state.hasAlarm(.noSpace))
        fixture.stop()
        let again = try StoreFixture(on: fixture.memory.reopened())
        // The quota is larger now, but the alarm stays until it is taken back.
        #expect(try again.run("put a=1") == "no space")
        #expect(try again.run("disarm NOSPACE \(again.tenant.memberID)") == "rev 1 named")
        #expect(try again.run("put a=1") == "rev 2")
    }

    // MARK: The end

    @Test func stoppingCommitsWhatIsQueuedAndRefusesMore() throws {
        let fixture = try StoreFixture()
        fixture.backend.holdCommits()
        var answers = [try fixture.submit("put a=0")]
        try fixture.backend.awaitHeldCommit()
        answers.append(try fixture.submit("put a=1"))
        let store = fixture.store
        let stopper = WorkerThread(name: "stopper") { store.stop() }
        // Until the queue is closed.
        var refusal: RequestError?
        while refusal == nil {
            do {
                answers.append(try fixture.submit("put a=2"))
            } catch let error as RequestError {
                if error == .stopped { refusal = error }
            }
        }
        fixture.backend.releaseCommits()
        stopper.join()
        fixture.forget()
        for answer in answers { #expect(try answer.text().hasPrefix("rev ")) }
        #expect(fixture.memory.isClosed)
        #expect(fixture.memory.rows.count == answers.count)
        #expect(throws: RequestError.stopped) { try fixture.submit("put a=3") }
    }

    @Test func aStartGoesOnWhereTheStoreWasStopped() throws {
        let fixture = try StoreFixture()
        for line in ["grant 7 ttl 60", "put a=1 lease 7", "put b=1", "delete b", "compact 3"] {
            try fixture.run(line)
        }
        fixture.stop()
        let again = try StoreFixture(on: fixture.memory.reopened())
        let before = fixture.tenant.snapshot.state
        #expect(again.tenant.snapshot.state.record == before.record)
        #expect(try again.contents() == "a=1")
        #expect(try again.run("put b=2 prev") == "rev 5")
        #expect(try again.run("revoke 7") == "rev 6")
        #expect(again.memory.rows.map(\.version.row.rawValue).max() == 5)
    }
}
