import ByreCore
import Testing

@Suite struct AutoCompactorTests {
    private static let second: Int64 = 1_000_000_000
    private static let minute = 60 * second
    private static let hour = 60 * minute

    /// Asks once a second for `duration`, on a revision that grows by one each second from 1.
    /// - Returns: seconds at which a compaction was due, and the revisions.
    private func run(
        _ policy: AutoCompaction,
        seconds: Int64,
        revision: (Int64) -> Int64 = { $0 + 1 }
    ) -> [[Int64]] {
        let start: Int64 = 77
        var compactor = AutoCompactor(policy, now: start)
        var due: [[Int64]] = []
        for at in 0...seconds {
            if let target = compactor.due(revision: revision(at), now: start + at * Self.second) {
                due.append([at, target])
            }
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
        #expect(compactor.due(revision: 10, now: 0) == nil)
        #expect(compactor.due(revision: 20, now: 50 * Self.second) == nil)
        #expect(compactor.due(revision: 30, now: 160 * Self.second) == 20)
        #expect(compactor.due(revision: 40, now: 259 * Self.second) == nil)
        #expect(compactor.due(revision: 50, now: 260 * Self.second) == 30)
    }
}
