import ByreCore
import ByreTestKit
import Engine
import Testing

/// The slow part of compaction, beside readers, failures and restarts.
@Suite struct CompactionsTests {
    /// A store in which `a` has had five values.
    private func fixture(
        _ configure: (inout Configuration) -> Void = { _ in }
    ) throws -> StoreFixture {
        let fixture = try StoreFixture { configuration in
            configuration.cacheBytes = 0
            configure(&configuration)
        }
        for value in 1...5 { try fixture.run("put a=\(value)") }
        return fixture
    }

    @Test func rowsGoOnceTheyAreOutOfTheIndex() throws {
        let fixture = try self.fixture()
        #expect(try fixture.run("compact 4") == "rev 6")
        try fixture.compactAll()
        #expect(fixture.memory.rows.map(\.version.modRevision) == [4, 5, 6])
        #expect(fixture.tenant.snapshot.state.index.versionCount == 3)
        #expect(fixture.tenant.snapshot.state.usedBytes == 20_480 + 3 * 66)
        #expect(try fixture.contents() == "a=5")
    }

    @Test func rowsStayWhileAReaderMayNeedThem() throws {
        let fixture = try self.fixture()
        var old: PinnedSnapshot? = fixture.tenant.pinnedSnapshot()
        try fixture.run("compact 6")
        try fixture.compactAll()
        #expect(fixture.tenant.snapshot.state.index.versionCount == 1)
        #expect(fixture.memory.rows.count == 5)
        if let old {
            // What the reader's index points to can all be loaded.
            let rows = old.state.index.versions(of: Bytes("a".utf8)).map(\.row)
            var values: [Bytes] = []
            try fixture.memory.makeReader().values(of: fixture.tenant.id, rows: rows) {
                values.append($1)
            }
            #expect(values == (1...5).map { Bytes("\($0)".utf8) })
        }
        // Who comes now sees the new index, and holds nothing up.
        let new = fixture.tenant.pinnedSnapshot()
        old = nil
        try fixture.compactAll()
        #expect(fixture.memory.rows.count == 1)
        #expect(new.state.index.versionCount == 1)
    }

    @Test func aPhysicalCompactionIsAnsweredWhenTheIndexIsClean() throws {
        let fixture = try self.fixture { $0.compactionBatchLimit = 1 }
        let answer = try fixture.submit("compact 6", waitsForPhysical: true)
        try fixture.turn()
        #expect(answer.count == 0)
        // The compaction is in force all the same; one that comes too late waits for it as well.
        #expect(fixture.tenant.snapshot.state.compactRevision == 6)
        #expect(try fixture.run("compact 6") == "compacted")
        let late = try fixture.submit("compact 3", waitsForPhysical: true)
        try fixture.turn()
        #expect(late.count == 0)
        try fixture.compactAll()
        #expect(try answer.text() == "rev 6")
        #expect(try late.text() == "compacted")
        #expect(fixture.memory.rows.count == 1)
        // Nothing is under way now.
        #expect(try fixture.submit("compact 2", waitsForPhysical: true).text() == "compacted")
    }

    @Test func aSecondCompactionGoesOnFromTheFirst() throws {
        let fixture = try self.fixture { $0.compactionBatchLimit = 1 }
        let first = try fixture.submit("compact 3", waitsForPhysical: true)
        try fixture.run("delete a")
        let second = try fixture.submit("compact 7", waitsForPhysical: true)
        try fixture.compactAll()
        #expect(try first.text() == "rev 6")
        #expect(try second.text() == "rev 7")
        // The deletion at the compact revision stays.
        #expect(fixture.memory.rows.map(\.version.modRevision) == [7])
        try fixture.run("put b=1")
        try fixture.run("compact 8")
        try fixture.compactAll()
        #expect(fixture.memory.rows.map(\.version.modRevision) == [8])
    }

    @Test func aCompactionCutShortIsFinishedAfterTheRestart() throws {
        let fixture = try self.fixture { $0.compactionBatchLimit = 1 }
        try fixture.run("put b=1")
        try fixture.run("put b=2")
        try fixture.run("compact 8")
        // No time passes, so no more than the first slice is done.
        try fixture.turn()
        let crashed = fixture.memory.reopened()
        #expect(crashed.rows.map(\.version.modRevision) == [6, 7, 8])
        let again = try StoreFixture(on: crashed)
        #expect(try again.run("compact 8") == "compacted")
        try again.compactAll()
        #expect(again.memory.rows.map(\.version.modRevision) == [6, 8])
        #expect(try again.run("put a=6 prev") == "rev 9 was a=5/c2/m6/v5")
    }

    @Test func compactionPausesWhenTooManyRowsWaitForReaders() throws {
        let fixture = try self.fixture {
            $0.compactionBatchLimit = 1
            $0.deferredRowsMax = 1
        }
        for key in ["b", "c", "d"] {
            try fixture.run("put \(key)=1")
            try fixture.run("put \(key)=2")
        }
        var pin: PinnedSnapshot? = fixture.tenant.pinnedSnapshot()
        try fixture.run("compact 12")
        try fixture.compactAll()
        #expect(fixture.tenant.snapshot.state.index.versionCount == 7)
        #expect(fixture.memory.rows.count == 11)
        #expect(pin?.state.index.versionCount == 11)
        pin = nil
        try fixture.compactAll()
        #expect(fixture.tenant.snapshot.state.index.versionCount == 4)
        #expect(fixture.memory.rows.count == 4)
    }

    @Test func removalsThatFailAreTriedAgain() throws {
        let fixture = try self.fixture()
        var pin: PinnedSnapshot? = fixture.tenant.pinnedSnapshot()
        #expect(pin?.state.revision == 6)
        try fixture.run("compact 6")
        try fixture.compactAll()
        #expect(fixture.memory.rows.count == 5)
        fixture.backend.failCommits([.before(.unavailable("full")), .before(.unavailable("full"))])
        pin = nil
        try fixture.compactAll()
        #expect(fixture.store.counters.failures == 2)
        #expect(fixture.memory.rows.count == 1)
        #expect(try fixture.run("put a=6 prev") == "rev 7 was a=5/c2/m6/v5")
    }

    @Test func removalsThatFailDoNotFailWrites() throws {
        let fixture = try self.fixture()
        var pin: PinnedSnapshot? = fixture.tenant.pinnedSnapshot()
        try fixture.run("compact 6")
        try fixture.compactAll()
        #expect(pin != nil)
        fixture.backend.failRemovals(.unavailable("no"))
        pin = nil
        // Nobody holds the rows up any more, so they go with what is written next.
        #expect(try fixture.run("put b=1") == "rev 7")
        #expect(fixture.backend.batches.contains { $0.rows > 0 && $0.removedRows > 0 })
        #expect(fixture.memory.rows.count == 6)
        fixture.backend.failRemovals(nil)
        try fixture.compactAll()
        #expect(fixture.memory.rows.map(\.version.modRevision) == [6, 7])
    }

    @Test func theOldestAreCompactedAutomatically() throws {
        let fixture = try self.fixture { $0.autoCompaction = .revision(retention: 2) }
        fixture.clock.advance(bySeconds: 1)
        try fixture.turn()
        fixture.clock.advance(bySeconds: 299)
        try fixture.turn()
        #expect(fixture.tenant.snapshot.state.compactRevision == -1)
        fixture.clock.advance(bySeconds: 1)
        try fixture.turn()
        #expect(fixture.tenant.snapshot.state.compactRevision == 4)
        try fixture.compactAll()
        #expect(fixture.memory.rows.map(\.version.modRevision) == [4, 5, 6])
    }

    @Test func anAutomaticCompactionWhoseCommitFailsIsTriedAgain() throws {
        let fixture = try self.fixture { $0.autoCompaction = .revision(retention: 2) }
        fixture.clock.advance(bySeconds: 1)
        try fixture.turn()
        fixture.backend.failCommits([.before(.unavailable("full"))])
        fixture.clock.advance(bySeconds: 300)
        try fixture.turn()
        #expect(fixture.tenant.snapshot.state.compactRevision == -1)
        fixture.clock.advance(bySeconds: 30)
        try fixture.turn()
        #expect(fixture.tenant.snapshot.state.compactRevision == 4)
    }

    @Test func whoWaitsForACompactionIsAnsweredWhenTheStoreStops() throws {
        let fixture = try self.fixture { $0.compactionBatchLimit = 1 }
        let answer = try fixture.submit("compact 6", waitsForPhysical: true)
        try fixture.turn()
        #expect(answer.count == 0)
        fixture.stop()
        #expect(try answer.text() == "rev 6")
        #expect(answer.count == 1)
    }

    @Test func defragmentationIsTheBackendsToo() throws {
        let fixture = try self.fixture()
        try fixture.run("compact 6")
        try fixture.compactAll()
        let state = fixture.tenant.snapshot.state
        #expect(state.allocatedBytes == 20_480 + 5 * 66)
        #expect(try fixture.run("defragment") == "done")
        #expect(fixture.memory.defragmentations == 1)
        #expect(fixture.tenant.snapshot.state.allocatedBytes == 20_480 + 66)
        fixture.backend.failMaintenance(.unavailable("no space"))
        #expect(try fixture.run("defragment") == #"backend: unavailable("no space")"#)
    }
}
