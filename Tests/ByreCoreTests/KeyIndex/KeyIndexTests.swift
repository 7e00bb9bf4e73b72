import ByreCore
import Testing

@Suite struct KeyIndexTests {
    /// A key put, put, deleted, put, deleted.
    private static let twoLives: [Version] = [
        .put(2), .put(4), .deletion(6), .put(8), .deletion(10),
    ]

    private func index(_ versions: [Version], of key: Bytes = Array("key".utf8)) -> KeyIndex {
        var index = KeyIndex()
        for version in versions { index.put(key, version) }
        return index
    }

    @Test func emptyIndexAnswersNothing() throws {
        let index = KeyIndex()
        try index.checkInvariants()
        #expect(index.liveCount == 0 && index.keyCount == 0 && index.versionCount == 0)
        #expect(index.latest(of: [1]) == nil)
        #expect(index.version(of: [1], at: 5) == nil)
        #expect(index.versions(of: [1]) == [])
        #expect(index.count(in: .all) == 0)
        #expect(index.live(in: .all) == [])
    }

    @Test(
        arguments: [
            (1, nil), (2, .put(2)), (3, .put(2)), (4, .put(4)), (5, .put(4)), (6, nil), (7, nil),
            (8, .put(8)), (9, .put(8)), (10, nil), (11, nil),
        ] as [(Int64, Version?)]
    )
    func readerSeesTheNewestVersionOfItsRevision(revision: Int64, expected: Version?) {
        let index = self.index(Self.twoLives)
        #expect(index.version(of: Array("key".utf8), at: revision) == expected)
        #expect(index.count(in: .all, at: revision) == (expected == nil ? 0 : 1))
        #expect(index.live(in: .all, at: revision).map(\.version) == (expected.map { [$0] } ?? []))
    }

    @Test(
        arguments: [
            (1, 0), (2, 0), (3, 0), (4, 1), (5, 1),
            // The tombstone at the compact revision stays, and goes with the next compaction.
            (6, 2), (7, 3), (8, 3), (9, 3), (10, 4), (11, 5), (.max, 5),
        ] as [(Int64, Int)]
    )
    func compactionRemovesWhatNobodyCanRead(revision: Int64, removedCount: Int) throws {
        let key: Bytes = Array("key".utf8)
        var index = self.index(Self.twoLives)
        #expect(index.compactable(at: revision) == (removedCount > 0 ? [key] : []))
        var removed: [Version] = []
        index.compact(key, at: revision) { removed.append($0) }
        #expect(removed == Array(Self.twoLives.prefix(removedCount)))
        #expect(index.versions(of: key) == Array(Self.twoLives.dropFirst(removedCount)))
        #expect(index.keyCount == (removedCount == 5 ? 0 : 1))
        try index.checkInvariants()
    }

    @Test func compactionInStepsRemovesTheSameAsAtOnce() {
        let key: Bytes = Array("key".utf8)
        for last in Int64(1)...11 {
            var steps = self.index(Self.twoLives)
            var once = steps
            for revision in 1...last { steps.compact(key, at: revision) { _ in } }
            once.compact(key, at: last) { _ in }
            #expect(steps.contents == once.contents)
        }
    }

    /// etcd's key index begins a generation with the put that follows a tombstone.
    @Test func deletionAndPutOfOneTransactionBothOutliveACompactionAtIt() {
        var index = self.index([.put(2), .deletion(5, 0), .put(5, 1)])
        #expect(index.compactAll(at: 5) == [.put(2)])
        #expect(index.compactAll(at: 6) == [.deletion(5, 0)])
        #expect(index.live(in: .all).map(\.version) == [.put(5, 1)])
    }

    @Test func putReturnsWhatWasLatest() {
        var index = KeyIndex()
        #expect(index.put([1], .put(2)) == nil)
        #expect(index.put([1], .deletion(3)) == .put(2))
        #expect(index.latest(of: [1]) == .deletion(3))
        #expect(index.put([1], .put(3, 1)) == .deletion(3))
        #expect(index.liveCount == 1 && index.keyCount == 1 && index.versionCount == 3)
    }

    @Test func laterChangeOfATransactionWins() {
        let index = self.index([.put(2, 0), .put(2, 3)])
        #expect(index.version(of: Array("key".utf8), at: 2) == .put(2, 3))
    }

    @Test func previousVersionIsThatOfTheRevisionBefore() {
        let index = self.index([
            .put(2), .put(3, 0), .put(3, 1), .deletion(4, 0), .put(4, 1), .deletion(5), .put(6),
        ])
        let changes = index.changes(in: .all, from: 3, through: 6)
        #expect(
            changes.map(\.previous) == [
                .put(2), .put(2), .put(3, 1), .put(3, 1), .put(4, 1), nil,
            ]
        )
        #expect(index.changes(in: .all, from: 3, through: 3).count == 2)
        #expect(index.changes(in: .all, from: 7, through: .max) == [])
        #expect(index.changes(in: .all, from: .min, through: .max).count == 7)
    }

    @Test(
        arguments: [
            (.all, [0, 1, 2, 3]), (.key([5]), [1]), (.key([6]), []),
            (.from(start: [5]), [1, 2, 3]),
            (.from(start: [5, 1]), [3]), (.interval(start: [5], end: [6]), [1, 2]),
            (.interval(start: [], end: [5]), [0]), (.interval(start: [5], end: [5]), []),
            (.interval(start: [6], end: [5]), []),
            (.interval(start: [5, 0], end: [5, 0, 0]), [2]),
        ] as [(KeyRange, [Int])]
    )
    func rangesHoldTheirStartAndNotTheirEnd(range: KeyRange, expected: [Int]) {
        let keys: [Bytes] = [[0], [5], [5, 0], [255]]
        var index = KeyIndex()
        for (position, key) in keys.enumerated() { index.put(key, .put(Int64(position) + 2)) }
        #expect(index.live(in: range).map(\.key) == expected.map { keys[$0] })
        #expect(index.count(in: range) == expected.count)
        #expect(index.count(in: range, at: .max) == expected.count)
        #expect(index.changes(in: range, from: 0, through: .max).count == expected.count)
    }

    @Test func walksStopWhenToldTo() {
        var index = KeyIndex()
        for key in UInt8(0)..<200 {
            index.put([key], .put(Int64(key) + 2))
            index.put([key], .put(Int64(key) + 500))
        }
        for stop in [1, 64, 65, 150] {
            var visits = [0, 0, 0, 0, 0]
            func visit(_ walk: Int) -> Bool {
                visits[walk] += 1
                return visits[walk] < stop
            }
            index.forEach(in: .all) { _, _ in visit(0) }
            index.forEach(in: .all, at: 900) { _, _ in visit(1) }
            index.forEachEntry { _ in visit(2) }
            index.forEachVersion(in: .all, modifiedFrom: 2, through: 900) { _, _, _ in visit(3) }
            index.forEachCompactable(at: 900) { _ in visit(4) }
            #expect(visits == [stop, stop, stop, stop, stop])
        }
    }

    /// One key, as when a benchmark writes nothing else.
    @Test func longHistoryIsReadAndCompactedAnywhere() throws {
        let key: Bytes = [1]
        let count: Int64 = 40_000
        var index = KeyIndex()
        for revision in 1...count { index.put(key, .put(2 * revision)) }
        try index.checkInvariants()
        let snapshot = index
        for revision in stride(from: 1, through: 2 * count, by: 997) {
            #expect(index.version(of: key, at: revision)?.modRevision ?? 0 == revision / 2 * 2)
        }
        for compactRevision in [2, 3, 64, 65, 30_000, 30_001, 65_000, 2 * count] {
            index.compactAll(at: compactRevision)
            try index.checkInvariants()
            #expect(index.versionCount == Int(count - compactRevision / 2 + 1))
            #expect(index.versions(of: key).first?.modRevision == compactRevision / 2 * 2)
            index.put(key, .put(2 * count + compactRevision))
            #expect(index.latest(of: key)?.modRevision == 2 * count + compactRevision)
            index = snapshot
        }
        #expect(snapshot.versionCount == Int(count))
    }

    /// Copying a leaf copies its keys, so a leaf of long keys holds few of them.
    @Test func longKeysAreKeptApart() throws {
        var index = KeyIndex()
        let long = Bytes(repeating: 7, count: 4096)
        for first in UInt8(0)..<100 { index.put([first] + long, .put(Int64(first) + 2)) }
        #expect(try index.checkInvariants().leaves > 100 / 8)
        #expect(index.count(in: .interval(start: [10], end: [20])) == 10)
        #expect(index.latest(of: [17] + long) == .put(19))
    }

    /// What the keys of a leaf have in common is stored once, and is given back when it ends.
    @Test func sharedPrefixMayGrowAndShrink() throws {
        let long = Bytes(repeating: 7, count: 4096)
        var index = KeyIndex()
        for last in UInt8(0)..<60 { index.put(long + [last], .put(Int64(last) + 2)) }
        #expect(try index.checkInvariants().leaves == 1)
        index.put(long, .put(100))
        index.put(long.dropLast() + [6], .put(101))
        try index.checkInvariants()
        index.put([], .put(102))
        index.put([9], .put(103))
        try index.checkInvariants()
        let keys: [Bytes] =
            [[], long.dropLast() + [6], long] + (UInt8(0)..<60).map { long + [$0] } + [[9]]
        #expect(index.live(in: .all).map(\.key) == keys)
        for key in keys { #expect(index.latest(of: key) != nil) }
        let absent: [Bytes] = [[7], Bytes(long.dropLast()), long + [60], long + [5, 0], [8]]
        for key in absent {
            #expect(index.latest(of: key) == nil)
        }
    }

    @Test(arguments: [true, false])
    func keysInOrderFillTheirLeaves(ascending: Bool) throws {
        var index = KeyIndex()
        let numbers = (0..<10_000).map { ascending ? $0 : 9_999 - $0 }
        for number in numbers {
            index.put([UInt8(number >> 8), UInt8(number & 255)], .put(2))
        }
        #expect(try index.checkInvariants().leaves < 10_000 / 56)
    }
}
