import ByreCore
import Testing

@Suite struct AutoCompactorTests {
    private static let second: Int64 = 1_000_000_000
    private static let minute = 60 * second
    private static let hour = 60 * minute

    /// Asks once a second for `duration`, on a revision that grows by one each second from 1.
    /// - Parameter failing: seconds at which a compaction does not come about.
    /// - Returns: seconds at which a compaction was due, and the revisions.
    private func run(
        _ policy: AutoCompaction,
        seconds: Int64,
        failing: ClosedRange<Int64> = -1...(-1),
        revision: (Int64) -> Int64 = { $0 + 1 }
    ) -> [[Int64]] {
        let start: Int64 = 77
        var compactor = AutoCompactor(policy, now: start)
        var due: [[Int64]] = []
        var compacted: Int64 = -1
        for at in 0...seconds {
            let target = compactor.due(
                revision: revision(at),
                compactRevision: compacted,
                now: start + at * Self.second
            )
            guard let target else { continue }
            due.append([at, target])
            if !failing.contains(at) { compacted = target }
        }
        return due
    }

    @Test func aRetentionOfRevisionsIsLookedAtEveryFiveMinutes() {
        #expect(
            self.run(.revision(retention: 100), seconds: 1000)
                == [[300, 201], [600, 501], [900, 801]]
        )
    }

    @Test func nothingIsCompactedWhileThereAreNoMoreRevisionsThanAreKept() {
        #expect(self.run(.revision(retention: 10_000), seconds: 1000).isEmpty)
        #expect(self.run(.revision(retention: 301), seconds: 300).isEmpty)
        #expect(self.run(.revision(retention: 300), seconds: 300) == [[300, 1]])
    }

    @Test func aRevisionIsCompactedOnce() {
        #expect(self.run(.revision(retention: 5), seconds: 2000) { _ in 50 } == [[300, 45]])
        #expect(
            self.run(.periodic(retentionNanoseconds: 10 * Self.second), seconds: 100) { _ in 50 }
                == [[10, 50]]
        )
    }

    @Test func aCompactionThatDoesNotComeAboutIsAskedForAgain() {
        #expect(
            self.run(.revision(retention: 100), seconds: 700, failing: 300...340)
                == [[300, 201], [330, 201], [360, 201], [600, 501]]
        )
        #expect(
            self.run(
                .periodic(retentionNanoseconds: 100 * Self.second),
                seconds: 310,
                failing: 200...215
            ) == [[100, 1], [200, 101], [210, 101], [220, 101], [300, 201]]
        )
    }

    @Test func whatSomebodyElseCompactedIsNotAskedFor() {
        var compactor = AutoCompactor(.revision(retention: 10), now: 0)
        let due = compactor.due(revision: 50, compactRevision: 45, now: 301 * Self.second)
        #expect(due == nil)
    }

    @Test(arguments: [
        AutoCompaction.revision(retention: 0), .periodic(retentionNanoseconds: 0),
    ])
    func aRetentionOfNothingNeverCompacts(_ policy: AutoCompaction) {
        #expect(self.run(policy, seconds: 1000).isEmpty)
    }

    @Test func aShortRetentionCompactsWhatIsThatOld() {
        #expect(
            self.run(.periodic(retentionNanoseconds: 100 * Self.second), seconds: 350)
                == [[100, 1], [200, 101], [300, 201]]
        )
    }

    @Test func aLongRetentionCompactsEveryHourFromThenOn() {
        #expect(
            self.run(.periodic(retentionNanoseconds: 2 * Self.hour), seconds: 4 * 3600)
                == [[7200, 1], [10_800, 3601], [14_400, 7201]]
        )
    }

    @Test func whoAsksRarelyGetsTheNewestSampleThatIsOldEnough() {
        var compactor = AutoCompactor(
            .periodic(retentionNanoseconds: 100 * Self.second),
            now: 0
        )
        var compacted: Int64 = -1
        func due(_ revision: Int64, _ second: Int64) -> Int64? {
            let target = compactor.due(
                revision: revision,
                compactRevision: compacted,
                now: second * Self.second
            )
            compacted = target ?? compacted
            return target
        }
        #expect(due(10, 0) == nil)
        #expect(due(20, 50) == nil)
        #expect(due(30, 160) == 20)
        #expect(due(40, 259) == nil)
        #expect(due(50, 260) == 30)
    }
}
