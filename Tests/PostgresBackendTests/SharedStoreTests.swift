import BackendTestKit
import ByreCore
import Testing

@testable import PostgresBackend

/// Two instances on one store.
@Suite struct SharedStoreTests {
    private let store: StoreFixture
    private let one: PostgresBackend
    private let other: PostgresBackend
    private let tenant = TenantID(rawValue: 1)

    init() throws {
        self.store = try StoreFixture()
        self.one = try self.store.open()
        self.other = try self.store.open()
    }

    /// What somebody knows who recovered `history`.
    private func cursor(_ history: History, _ id: Int64 = 1) -> TenantCursor {
        let record = history.expected.tenants.first { $0.record.id.rawValue == id }?.record
        guard let record else { return .nothing(of: TenantID(rawValue: id)) }
        return TenantCursor(
            tenant: record.id,
            sequence: record.sequence,
            changeSequence: record.sequence,
            revision: record.revision,
            lastRow: record.lastRow
        )
    }

    private func begin(
        _ backend: PostgresBackend,
        _ cursors: [TenantCursor]
    ) throws -> CommitStart {
        var plan = CommitPlan()
        plan.cursors = cursors
        return try backend.begin(plan)
    }

    @Test func aCommitOfOneIsNewsToTheOther() throws {
        var history = History(numbering: .tenant)
        history.create(1, "default")
        history.create(2, "quiet")
        try self.one.commit(history.take())
        let before = history
        history.write(1, [("a", [1]), ("b", [2])])
        history.grant(1, lease: 7, ttlSeconds: 60)
        history.raise(1, Alarm(.noSpace, memberID: .max))
        try self.one.commit(history.take())
        history.write(1, [("a", nil)])
        history.revoke(1, lease: 7)
        try self.one.commit(history.take())

        let cursors = [self.cursor(before, 2), self.cursor(before, 1)]
        let news = try self.begin(self.other, cursors).news
        self.other.abandon()
        #expect(try self.other.news(since: cursors).map(\.rows.count) == news.map(\.rows.count))
        let tenant = try #require(news.first)
        #expect(news.count == 1)
        #expect(tenant.isComplete && !tenant.changesAreWhole)
        #expect(tenant.record == history.expected.tenants[0].record)
        #expect(tenant.rows.map(\.version) == history.expected.rows.map(\.version))
        #expect(tenant.rows.map(\.value) == [[1], [2], []])
        #expect(tenant.leases.map(Self.describe) == ["grant 7 for 60", "revoke 7"])
        #expect(tenant.alarms.count == 1)
        #expect(tenant.changeSequence == tenant.record.sequence)
        // And nothing is news to who knows it.
        #expect(try self.begin(self.other, [self.cursor(history)]).news.isEmpty)
        self.other.abandon()
    }

    private static func describe(_ change: CommitBatch.LeaseChange) -> String {
        switch change {
        case .grant(_, let lease): "grant \(lease.id.rawValue) for \(lease.ttlSeconds)"
        case .revoke(_, let id): "revoke \(id.rawValue)"
        }
    }

    @Test func instancesTakeTurnsAtATenant() throws {
        var history = History(numbering: .tenant)
        history.create(1, "default")
        try self.one.commit(history.take())
        for round in 0..<10 {
            let cursor = self.cursor(history)
            let backend = round % 2 == 0 ? self.one : self.other
            #expect(try self.begin(backend, [cursor]).news.isEmpty)
            history.write(1, [("k", [UInt8(round)])])
            try backend.commit(history.take())
        }
        #expect(try self.other.recovered() == history.expected)
    }

    @Test func whatIsAbandonedIsNotThere() throws {
        var history = History(numbering: .tenant)
        history.create(1, "default")
        try self.one.commit(history.take())
        _ = try self.begin(self.one, [self.cursor(history)])
        self.one.abandon()
        // The lock is gone with it.
        _ = try self.begin(self.other, [self.cursor(history)])
        self.other.abandon()
        #expect(try self.one.recovered() == history.expected)
    }

    /// A writer that did not look at the news must not write.
    @Test func whatWasDecidedOnAnOldStateIsRefused() throws {
        var history = History(numbering: .tenant)
        history.create(1, "default")
        try self.one.commit(history.take())
        var stale = history
        history.write(1, [("a", [1])])
        history.write(1, [("a", [2])])
        try self.one.commit(history.take())
        stale.write(1, [("b", [1])])
        #expect(throws: BackendError.self) { try self.other.commit(stale.take()) }
        #expect(try self.other.recovered() == history.expected)
    }

    // MARK: Slices

    /// Revisions of 1, 3, 2, 5 and 1 rows, fetched with small bounds: each slice ends with a whole
    /// revision, and all of them are the whole.
    @Test(arguments: [(1, 1 << 20), (2, 1 << 20), (4, 1 << 20), (100, 1), (100, 25), (5, 25)])
    func newsComeInSlicesOfWholeRevisions(_ rowsMax: Int, _ bytesMax: Int) throws {
        var history = History(numbering: .tenant)
        for id in [1, 2] as [Int64] {
            history.create(id, "t\(id)")
            for count in [1, 3, 2, 5, 1] {
                history.write(id, (0..<count).map { ("k\($0)", Bytes(repeating: 1, count: 10)) })
            }
        }
        try self.one.commit(history.take())
        let reader = try self.store.open {
            $0.newsRowsMax = rowsMax
            $0.newsBytesMax = bytesMax
        }
        var cursors = [1, 2].map { TenantCursor.nothing(of: TenantID(rawValue: $0)) }
        var rows: [TenantID: [CommitBatch.Row]] = [:]
        var complete: Set<TenantID> = []
        for _ in 0..<30 where complete.count < 2 {
            for news in try reader.news(since: cursors) {
                let id = news.record.id
                rows[id, default: []] += news.rows
                if news.isComplete { complete.insert(id) }
                let place = Int(id.rawValue) - 1
                cursors[place].revision = news.record.revision
                cursors[place].lastRow = news.record.lastRow
                if news.isComplete { cursors[place].sequence = news.record.sequence }
                #expect((news.rows.last?.version.modRevision ?? 0) <= news.record.revision)
                let last = history.expected.rows.last {
                    $0.tenant == id && $0.version.modRevision == news.record.revision
                }
                #expect(news.rows.isEmpty || news.rows.last?.version == last?.version)
            }
        }
        #expect(complete.count == 2)
        for id in complete {
            let expected = history.expected.rows.filter { $0.tenant == id }.map(\.version)
            #expect(rows[id]?.map(\.version) == expected)
        }
    }

    @Test func whoIsFarBehindIsToldAllLeasesAndAlarms() throws {
        var history = History(numbering: .tenant)
        history.create(1, "default")
        try self.one.commit(history.take())
        let before = self.cursor(history)
        history.grant(1, lease: 1, ttlSeconds: 10)
        history.grant(1, lease: 2, ttlSeconds: 20)
        try self.one.commit(history.take())
        history.revoke(1, lease: 1)
        history.raise(1, Alarm(.corrupt, memberID: 9))
        try self.one.commit(history.take())
        try self.store.run("UPDATE change SET committed_at = committed_at - interval '1 hour'")
        // The housekeeper's first beat prunes.
        let keeper = try self.one.makeKeeper()
        _ = try keeper.beat(InstanceRecord(id: 1, name: "one", clientURLs: []))
        #expect(try self.store.run("SELECT count(*) FROM change") == "0")
        let news = try #require(try self.other.news(since: [before]).first)
        #expect(news.changesAreWhole)
        #expect(news.leases.map(Self.describe) == ["grant 2 for 20"])
        #expect(news.alarms.count == 1)
        // Who knows all of it needs nothing.
        #expect(try self.other.news(since: [self.cursor(history)]).isEmpty)
    }

    // MARK: The registry

    @Test func theRegistryOfOneIsNewsToTheOther() throws {
        var history = History(numbering: .tenant)
        let empty = try #require(try self.other.registry(since: -1))
        #expect(empty.changed.isEmpty && empty.nextID.rawValue == 1)
        history.create(1, "default")
        history.create(5, "other")
        try self.one.commit(history.take())
        let first = try #require(try self.other.registry(since: empty.version))
        #expect(first.changed == history.expected.tenants)
        #expect(first.nextID.rawValue == 6)
        #expect(try self.other.registry(since: first.version) == nil)

        history.define(5) { definition in
            definition.lifecycle = .deleting
            definition.reclaimAt = 1_700_000_000
        }
        history.beginErasing(5)
        try self.one.commit(history.take())
        var plan = CommitPlan()
        plan.registryVersion = first.version
        let second = try #require(try self.other.begin(plan).registry)
        self.other.abandon()
        #expect(second.changed == [history.expected.tenants[1]])
        #expect(second.present == [TenantID(rawValue: 1), TenantID(rawValue: 5)])

        history.erase(5)
        try self.one.commit(history.take())
        let third = try #require(try self.other.registry(since: second.version))
        #expect(third.changed.isEmpty)
        #expect(third.present == [TenantID(rawValue: 1)])
        // The id of a tenant that is gone is not given again.
        #expect(third.nextID.rawValue == 6)
    }

    /// What is written to a tenant that another instance erases would outlive it.
    @Test func nothingIsWrittenToATenantThatIsBeingErased() throws {
        var history = History(numbering: .tenant)
        history.create(1, "default")
        history.create(2, "gone")
        try self.one.commit(history.take())
        let cursor = self.cursor(history, 2)
        #expect(try !self.begin(self.other, [cursor]).hasErased)
        self.other.abandon()
        var late = history
        history.define(2) { definition in
            definition.lifecycle = .deleting
            definition.reclaimAt = 1
        }
        history.beginErasing(2)
        try self.one.commit(history.take())
        late.write(2, [("k", [1])])
        let write = late.take()
        for isThere in [true, false] {
            #expect(try self.begin(self.other, [cursor]).hasErased)
            let error = #expect(throws: BackendError.self) { try self.other.commit(write) }
            #expect(error != nil)
            guard isThere else { break }
            history.erase(2)
            try self.one.commit(history.take())
        }
        #expect(try PostgresBackend.verify(url: self.store.url) == [])
    }

    // MARK: Compaction and imports

    @Test func removedRowsAreGoneForAll() throws {
        var history = History(numbering: .tenant)
        history.create(1, "default")
        for round in 0..<5 { history.write(1, [("k", [UInt8(round)])]) }
        try self.one.commit(history.take())
        let rows = [history.row(1), history.row(2)]
        try self.one.remove([(self.tenant, rows)])
        try self.other.remove([(self.tenant, rows)])
        let left = try self.other.recovered().rows.map(\.version.row)
        #expect(left == [history.row(3), history.row(4), history.row(5)])
    }

    private func imported(_ history: History, into record: TenantRecord) -> CommitBatch {
        var history = history
        history.write(1, [("i", [1]), ("j", [2])])
        var batch = history.take()
        batch.tenants = [record]
        return batch
    }

    @Test func twoInstancesDoNotImportIntoOneTenant() throws {
        var history = History(numbering: .tenant)
        history.create(1, "default")
        history.define(1) { $0.lifecycle = .suspended }
        try self.one.commit(history.take())
        let record = history.expected.tenants[0].record
        let batch = self.imported(history, into: record)
        let keeper = try self.one.makeKeeper()
        _ = try keeper.beat(self.me)
        try self.one.commit(batch)
        // Nor may the other clear what it takes for the remains of an import, or serve the tenant.
        var clearing = CommitBatch()
        clearing.registry = [.eraseRows(self.tenant, self.rows(1...9))]
        history.define(1) { $0.lifecycle = .active }
        for refused in [batch, clearing, history.take()] {
            let error = #expect(throws: BackendError.self) { try self.other.commit(refused) }
            guard case .unavailable = error else {
                Issue.record("told as \(String(describing: error))")
                return
            }
        }
        #expect(try self.store.run("SELECT count(*) FROM kv") == "2")
        // An import that says nothing any more is over, and what it left goes with the next.
        try self.store.run("UPDATE tenant SET imported_at = imported_at - interval '1 hour'")
        try self.other.commit(self.onPresent(batch))
        #expect(try self.store.run("SELECT count(*) FROM kv") == "2")
    }

    private func rows(_ places: ClosedRange<Int64>) -> ClosedRange<RowID> {
        let first = RowID.first(of: self.tenant).rawValue - 1
        let last = RowID(rawValue: first + places.upperBound)
        return RowID(rawValue: first + places.lowerBound)...last
    }

    /// A batch that is decided on the tenant's present sequence.
    private func onPresent(_ batch: CommitBatch) throws -> CommitBatch {
        var batch = batch
        let sequence = try #require(Int64(try self.store.run("SELECT sequence FROM tenant")))
        batch.tenants[0].sequence = sequence + 1
        return batch
    }

    private let me = InstanceRecord(id: 1, name: "one", clientURLs: [])

    /// How an import can end without saying so.
    enum End: CaseIterable {
        /// Its instance has not been heard of for a while.
        case silence
        /// Its instance runs again, as another process.
        case restart
        /// It failed, and its instance clears what it wrote.
        case failure
    }

    @Test(arguments: End.allCases) func whoComesAfterAnImportThatDiedNeedNotWait(_ end: End) throws
    {
        var history = History(numbering: .tenant)
        history.create(1, "default")
        history.define(1) { $0.lifecycle = .suspended }
        try self.one.commit(history.take())
        let batch = self.imported(history, into: history.expected.tenants[0].record)
        let keeper = try self.one.makeKeeper()
        _ = try keeper.beat(self.me)
        try self.one.commit(batch)
        #expect(throws: BackendError.self) { try self.other.commit(batch) }
        switch end {
        case .silence:
            try self.store.run("UPDATE instance SET beat_at = beat_at - interval '11 s'")
        case .restart:
            let restarted = try self.store.open()
            let again = try restarted.makeKeeper()
            _ = try again.beat(self.me)
            // The former process's end does not end what the new one is.
            try keeper.leave(self.me)
            #expect(try self.store.run("SELECT count(*) FROM instance") == "1")
            try restarted.commit(self.onPresent(batch))
            #expect(try self.store.run("SELECT count(*) FROM kv") == "2")
            return
        case .failure:
            var clearing = CommitBatch()
            clearing.registry = [.eraseRows(self.tenant, self.rows(1...1))]
            try self.one.commit(clearing)
            #expect(try self.store.run("SELECT count(*) FROM kv") == "1")
        }
        try self.other.commit(self.onPresent(batch))
        #expect(try self.store.run("SELECT count(*) FROM kv") == "2")
    }

    /// An import whose commit failed has numbers that others take; clearing them takes nobody's rows.
    @Test func clearingAnImportLeavesWhatIsCommitted() throws {
        var history = History(numbering: .tenant)
        history.create(1, "default")
        history.write(1, [("a", [1])])
        try self.other.commit(history.take())
        var clearing = CommitBatch()
        clearing.registry = [.eraseRows(self.tenant, self.rows(1...9))]
        try self.one.commit(clearing)
        #expect(try self.one.recovered() == history.expected)
    }

    @Test func theHousekeeperDeletesWhatAnImportLeft() throws {
        var history = History(numbering: .tenant)
        history.create(1, "default")
        history.define(1) { $0.lifecycle = .suspended }
        try self.one.commit(history.take())
        try self.one.commit(self.imported(history, into: history.expected.tenants[0].record))
        try self.store.run("UPDATE tenant SET imported_at = imported_at - interval '1 hour'")
        let keeper = try self.other.makeKeeper()
        let me = InstanceRecord(id: 2, name: "other", clientURLs: [])
        for _ in 1...2 { _ = try keeper.beat(me) }
        #expect(try self.store.run("SELECT count(*) FROM kv") == "0")
        #expect(try self.store.run("SELECT importer IS NULL FROM tenant") == "t")
        // Who goes on with it finds that somebody has changed the tenant.
        history.write(1, [("k", [3])])
        var late = history.take()
        late.tenants[0].revision = 1
        #expect(throws: BackendError.self) { try self.one.commit(late) }
    }
}
