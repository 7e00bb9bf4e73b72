import BackendTestKit
import ByreCore
import ByreTestKit
import SQLite
import SQLiteBackend
import Testing

/// What the store says of when its rows were committed.
@Suite struct CommitTimesTests {
    /// Noon of some day, in seconds since 1970.
    private static let noon: Int64 = 1_700_049_600

    private let directory: TemporaryDirectory
    private var path: String { self.directory.path + "/byre.db" }

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    /// What people read: of each row the key and the seconds after noon, or `-` for not known.
    private func told(_ path: String? = nil) throws -> [String] {
        let connection = try Connection(path: path ?? self.path, access: .readOnly)
        let statement = try Statement(
            """
            SELECT key || ' ' || coalesce(unixepoch(changed_at) - \(Self.noon), '-')
            FROM key_history ORDER BY row
            """,
            on: connection
        )
        var told: [String] = []
        while try statement.step() { told.append(statement.text(0)) }
        return told
    }

    private func entries() throws -> Int64 {
        try Connection(path: self.path, access: .readOnly)
            .integer("SELECT count(*) FROM commit_time")
    }

    /// A store with one tenant.
    private func open(_ history: inout History) throws -> SQLiteBackend {
        let backend = try SQLiteBackend(path: self.path, limits: .small)
        _ = try backend.recovered()
        history.create(1, "default")
        try backend.commit(history.take())
        return backend
    }

    /// Puts each key in a commit of its own, so many seconds after noon.
    private func put(
        _ keys: [(key: String, second: Int64)],
        of tenant: Int64 = 1,
        _ history: inout History,
        _ backend: SQLiteBackend
    ) throws {
        for (key, second) in keys {
            history.write(tenant, [(key, [1])])
            var batch = history.take()
            batch.committedAt = Self.noon + second
            try backend.commit(batch)
        }
        _ = try backend.settle(isIdle: true)
    }

    @Test func everyRowHasTheSecondOfItsCommitAndASecondOneEntry() throws {
        var history = History()
        let backend = try self.open(&history)
        try self.put([("a", 0), ("b", 0), ("c", 1), ("d", 5)], &history, backend)
        try self.put([("e", 5), ("f", 6)], &history, backend)
        #expect(try self.told() == ["a 0", "b 0", "c 1", "d 5", "e 5", "f 6"])
        #expect(try self.entries() == 4)
        // A clock that is set back dates what follows by what it says.
        try self.put([("g", 2)], &history, backend)
        #expect(try self.told().last == "g 2")
        backend.close()
    }

    @Test func aLargeBatchIsDatedAsAnyOther() throws {
        var history = History()
        let backend = try self.open(&history)
        history.write(1, [("large", Bytes(repeating: 1, count: SQLiteLimits.small.directBytes))])
        var batch = history.take()
        batch.committedAt = Self.noon + 3
        try backend.commit(batch)
        #expect(try self.told() == ["large 3"])
        backend.close()
    }

    @Test func timesSurviveAStartAndACrash() throws {
        var history = History()
        let backend = try self.open(&history)
        try self.put([("a", 0), ("b", 1)], &history, backend)
        // In the journal alone.
        history.write(1, [("c", [1])])
        var batch = history.take()
        batch.committedAt = Self.noon + 9
        try backend.commit(batch)
        let image = StoreImage(of: self.directory.path)
        backend.close()
        #expect(try self.told() == ["a 0", "b 1", "c 9"])

        let other = try TemporaryDirectory()
        try image.write(to: other.path)
        let path = other.path + "/byre.db"
        try SQLiteBackend(path: path, limits: .small).close()
        #expect(try self.told(path) == ["a 0", "b 1", "c 9"])
        #expect(try SQLiteBackend.verify(path: path) == [])
    }

    @Test func aJournalFromBeforeIsReplayedWithoutTimes() throws {
        var history = History()
        let backend = try self.open(&history)
        history.write(1, [("a", [1, 2, 3])])
        var batch = history.take()
        batch.committedAt = Self.noon
        try backend.commit(batch)
        var image = StoreImage(of: self.directory.path)
        backend.close()

        // The same record in the format of before: without the time at its end.
        let name = "byre.db.journal.1"
        let payload = BatchEncoding.bytes(of: batch) - 8
        let size = JournalRecord.bytes(payload: payload)
        var bytes = try #require(image.files[name])
        bytes.withUnsafeMutableBytes { file in
            let epoch = file.load(fromByteOffset: 8, as: UInt64.self)
            let number = file.load(fromByteOffset: 16, as: Int64.self)
            let record = UnsafeMutableRawBufferPointer(rebasing: file[..<size])
            JournalRecord.seal(
                record,
                payload: payload,
                epoch: epoch,
                number: number,
                format: .undated
            )
        }
        image.files[name] = bytes
        let other = try TemporaryDirectory()
        try image.write(to: other.path)
        let path = other.path + "/byre.db"
        let reopened = try SQLiteBackend(path: path, limits: .small)
        #expect(try reopened.recovered() == history.expected)
        reopened.close()
        #expect(try self.told(path) == ["a -"])
    }

    @Test func compactionTakesTheTimesOfRowsThatAreGone() throws {
        var history = History()
        let backend = try self.open(&history)
        try self.put(
            [("a", 0), ("b", 0), ("c", 1), ("d", 2), ("e", 3), ("f", 4), ("g", 4)],
            &history,
            backend
        )
        // All of seconds 1 and 3, a part of second 0, and all of the newest.
        history.compact(1, to: 8, removing: [1, 3, 5, 6, 7])
        try backend.commit(history.take())
        _ = try backend.settle(isIdle: true)
        #expect(try self.told() == ["b 0", "d 2"])
        #expect(try self.entries() == 3)
        try self.put([("h", 4), ("i", 9)], &history, backend)
        #expect(try self.told() == ["b 0", "d 2", "h 4", "i 9"])
        history.compact(1, to: 10, removing: [2, 4, 8])
        try backend.commit(history.take())
        _ = try backend.settle(isIdle: true)
        #expect(try self.told() == ["i 9"])
        #expect(try self.entries() == 1)
        backend.close()
    }

    @Test func erasingATenantTakesTheTimesThatAreItsAlone() throws {
        var history = History()
        let backend = try self.open(&history)
        history.create(2, "other")
        try backend.commit(history.take())
        for (tenant, key, second) in [
            (2, "a", 0), (1, "b", 0), (2, "c", 1), (2, "d", 2), (1, "e", 3), (2, "f", 4),
            (1, "g", 5),
        ] {
            try self.put([(key, Int64(second))], of: Int64(tenant), &history, backend)
        }
        history.define(2) {
            $0.lifecycle = .deleting
            $0.reclaimAt = Self.noon
        }
        history.beginErasing(2)
        history.eraseRows(2, 1...4)
        history.eraseRows(2, 5...6)
        history.erase(2)
        try backend.commit(history.take())
        #expect(try self.told() == ["b 0", "e 3", "g 5"])
        #expect(try self.entries() == 3)
        backend.close()
    }

    @Test func numbersGivenAnewHaveTheirOwnTimes() throws {
        var history = History()
        var backend = try self.open(&history)
        try self.put([("a", 0), ("b", 1), ("c", 2)], &history, backend)
        history.compact(1, to: 4, removing: [2, 3])
        try backend.commit(history.take())
        backend.close()

        backend = try SQLiteBackend(path: self.path, limits: .small)
        history = History(try backend.recovered())
        try self.put([("d", 7)], &history, backend)
        #expect(try self.told() == ["a 0", "d 7"])
        try self.put([("e", 8), ("f", 8)], &history, backend)
        #expect(try self.told() == ["a 0", "d 7", "e 8", "f 8"])
        backend.close()
    }

    @Test func aCommitThatFailedDatesNothing() throws {
        var history = History()
        let backend = try self.open(&history)
        try self.put([("a", 0)], &history, backend)
        // Refused by SQLite after the row and its time are written.
        var attempt = history
        attempt.write(1, [("b", [1])])
        var refused = attempt.take()
        refused.committedAt = Self.noon + 5
        refused.registry = [
            .define(TenantID(rawValue: 9), TenantDefinition.numbered(9, name: "nobody"))
        ]
        #expect(throws: BackendError.self) { try backend.commit(refused) }
        refused.registry = []
        refused.tenants.append(
            TenantRecord(id: TenantID(rawValue: 9), clusterID: 1, memberID: 1)
        )
        refused.rows[0].value = Bytes(repeating: 1, count: SQLiteLimits.small.directBytes)
        #expect(throws: BackendError.self) { try backend.commit(refused) }
        try self.put([("c", 5)], &history, backend)
        #expect(try self.told() == ["a 0", "c 5"])
        backend.close()
    }

    @Test func leasesSayWhenTheyWereGrantedAndWhenTheyDoNotExpireYet() throws {
        var history = History()
        let backend = try self.open(&history)
        history.grant(1, lease: 16, ttlSeconds: 60)
        var batch = history.take()
        batch.committedAt = Self.noon
        try backend.commit(batch)
        history.grant(1, lease: 17, ttlSeconds: 60)
        try backend.commit(history.take())
        _ = try backend.settle(isIdle: true)
        let statement = try Statement(
            "SELECT lease || ' ' || coalesce(granted_at, '-') || ' ' || coalesce(not_before, '-')"
                + " FROM lease_usage",
            on: try Connection(path: self.path, access: .readOnly)
        )
        var told: [String] = []
        while try statement.step() { told.append(statement.text(0)) }
        #expect(told == ["10 2023-11-15T12:00:00Z 2023-11-15T12:01:00Z", "11 - -"])
        backend.close()
    }
}
