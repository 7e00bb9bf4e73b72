import ByreCore
import Testing

@Suite struct RevisionLogTests {
    /// A log with `perRevision` changes at each revision; keys are the text of the revision.
    private func log(_ revisions: ClosedRange<Int64>, perRevision: UInt32 = 1) -> RevisionLog {
        var log = RevisionLog()
        for main in revisions {
            for sub in 0..<perRevision {
                log.append(Bytes("\(main)".utf8), at: Revision(main: main, sub: sub))
            }
        }
        return log
    }

    private func visit(
        _ log: RevisionLog,
        _ revisions: ClosedRange<Int64>,
        recordsMax: Int = .max,
        stopAfter: Int = .max
    ) -> (visited: [Revision], through: Int64) {
        var visited: [Revision] = []
        let through = log.visit(
            from: revisions.lowerBound,
            through: revisions.upperBound,
            recordsMax: recordsMax
        ) { key, revision in
            #expect(key == Bytes("\(revision.main)".utf8))
            visited.append(revision)
            return visited.count < stopAfter
        }
        return (visited, through)
    }

    @Test(arguments: [2...2, 1...5, 1000...3500, 4990...9999, 6000...7000] as [ClosedRange<Int64>])
    func visitsExactlyTheRevisionsAskedFor(revisions: ClosedRange<Int64>) {
        let (visited, through) = self.visit(self.log(2...5000), revisions)
        #expect(
            visited.map(\.main) == Array(revisions.clamped(to: 2...5000)).filter(revisions.contains)
        )
        #expect(through == revisions.upperBound)
    }

    @Test func recordLimitFinishesTheRevisionAtHand() {
        let (visited, through) = self.visit(
            self.log(2...5000, perRevision: 3),
            10...5000,
            recordsMax: 4
        )
        #expect(visited.map(\.main) == [10, 10, 10, 11, 11, 11])
        #expect(visited.map(\.sub) == [0, 1, 2, 0, 1, 2])
        #expect(through == 11)
    }

    @Test func bodyThatHasEnoughStillGetsTheWholeRevision() {
        let (visited, through) = self.visit(self.log(2...9, perRevision: 3), 2...9, stopAfter: 1)
        #expect(visited.map(\.main) == [2, 2, 2])
        #expect(through == 2)
    }

    @Test func limitReachedOnTheLastRevisionLeavesNothing() {
        let (visited, through) = self.visit(self.log(2...4), 2...4, recordsMax: 3)
        #expect(visited.count == 3)
        #expect(through == 4)
    }

    // See: etcd #18089, #19179.
    @Test(arguments: [1, 2, 3, 1025, 1026, 4000, 5000, 5001] as [Int64])
    func truncationKeepsWhatChangedAtTheRevision(main: Int64) {
        var log = self.log(2...5000)
        log.truncate(before: main)
        let first = max(main, 2)
        #expect(log.count == Int(5001 - first))
        #expect(self.visit(log, 1...6000).visited.first?.main == (first <= 5000 ? first : nil))
        log.append(Bytes("5001".utf8), at: Revision(main: 5001, sub: 0))
        #expect(self.visit(log, 1...6000).visited.last?.main == 5001)
        #expect(log.lastRevision == 5001)
    }

    @Test func compactedHistoryMayHaveWideGaps() {
        var log = RevisionLog()
        let mains: [Int64] = [2, 3, 5_000_000_000, 5_000_000_001, .max - 1]
        for main in mains { log.append(Bytes("\(main)".utf8), at: Revision(main: main, sub: 0)) }
        #expect(self.visit(log, 1...Int64.max).visited.map(\.main) == mains)
        #expect(self.visit(log, 4...5_000_000_000).visited.map(\.main) == [5_000_000_000])
    }
}
