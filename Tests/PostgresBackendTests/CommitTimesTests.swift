import BackendTestKit
import ByreCore
import PostgresBackend
import Testing

/// When rows were committed, to the second.
@Suite struct CommitTimesTests {
    private let store: StoreFixture
    private let backend: PostgresBackend
    private var history = History(numbering: .tenant)

    init() throws {
        self.store = try StoreFixture()
        self.backend = try self.store.open()
        self.history.create(1, "acme")
        self.history.create(2, "other")
        try self.backend.commit(self.history.take())
    }

    /// Commits a version of a key of each tenant that is named, in a second of the instance's clock.
    private mutating func write(
        _ tenants: Int64...,
        in second: Int64,
        by backend: PostgresBackend? = nil
    ) throws {
        for tenant in tenants { self.history.write(tenant, [("k", [1]), ("l", [1])]) }
        var batch = self.history.take()
        batch.committedAt = second
        try (backend ?? self.backend).commit(batch)
    }

    /// Lets the present second be a past one.
    private func age(bySeconds seconds: Int = 10) throws {
        try self.store.run("UPDATE commit_time SET at = at - interval '\(seconds) s'")
    }

    /// Places of the rows that are the first of their second, by tenant: `1:1 1:5 2:1`.
    private func firsts() throws -> String {
        let lines = try self.store.run(
            "SELECT row >> 40 || ':' || (row & ((1::bigint << 40) - 1)) FROM commit_time ORDER BY row"
        )
        return lines.split(separator: "\n").joined(separator: " ")
    }

    private mutating func setUpThreeSeconds() throws {
        for second in 1...3 as ClosedRange<Int64> {
            try self.write(1, 2, in: second)
            try self.age()
        }
        #expect(try self.firsts() == "1:1 1:3 1:5 2:1 2:3 2:5")
    }

    @Test mutating func aSecondIsNotedOnceForEachTenant() throws {
        try self.write(1, in: 1)
        #expect(try self.firsts() == "1:1")
        try self.age()
        try self.write(1, in: 1)
        #expect(try self.firsts() == "1:1")
        try self.write(1, 2, in: 2)
        #expect(try self.firsts() == "1:1 1:5 2:1")
        // The database's clock has not gone on.
        try self.age(bySeconds: -60)
        try self.write(1, 2, in: 3)
        #expect(try self.firsts() == "1:1 1:5 2:1")
    }

    @Test mutating func anotherInstanceNotesASecondThatIsNotedNoMore() throws {
        let other = try self.store.open()
        try self.write(1, in: 1)
        try self.age(bySeconds: -60)
        try self.write(1, in: 1, by: other)
        #expect(try self.firsts() == "1:1")
        try self.age(bySeconds: 120)
        try self.write(1, in: 2, by: other)
        #expect(try self.firsts() == "1:1 1:5")
    }

    @Test mutating func whatFailedIsNotNoted() throws {
        let stale = self.history
        try self.write(1, in: 1)
        try self.age()
        var late = stale
        late.write(1, [("k", [2])])
        var batch = late.take()
        batch.committedAt = 2
        #expect(throws: BackendError.self) { try self.backend.commit(batch) }
        try self.write(1, in: 2)
        #expect(try self.firsts() == "1:1 1:3")
    }

    @Test mutating func aTimeGoesWithItsLastRow() throws {
        try self.setUpThreeSeconds()
        let acme = TenantID(rawValue: 1)
        func remove(_ places: Int64...) throws {
            let first = RowID.first(of: acme).rawValue - 1
            try self.backend.remove([(acme, places.map { RowID(rawValue: first + $0) })])
        }
        try remove(3)
        #expect(try self.firsts() == "1:1 1:3 1:5 2:1 2:3 2:5")
        try remove(3, 4)
        #expect(try self.firsts() == "1:1 1:5 2:1 2:3 2:5")
        // The newest stays, and those of others do.
        try remove(1, 2, 5, 6)
        #expect(try self.firsts() == "1:5 2:1 2:3 2:5")
    }

    @Test mutating func timesGoWithTheirTenant() throws {
        try self.setUpThreeSeconds()
        self.history.define(2) { definition in
            definition.lifecycle = .deleting
            definition.reclaimAt = 1
        }
        self.history.beginErasing(2)
        self.history.eraseRows(2, 1...12)
        try self.backend.commit(self.history.take())
        #expect(try self.firsts() == "1:1 1:3 1:5 2:5")
        self.history.erase(2)
        try self.backend.commit(self.history.take())
        #expect(try self.firsts() == "1:1 1:3 1:5")
        #expect(try PostgresBackend.verify(url: self.store.url) == [])
    }

    @Test mutating func theViewsTellThem() throws {
        try self.write(1, in: 1)
        try self.age(bySeconds: 100)
        try self.write(1, in: 2)
        try self.write(2, in: 2)
        let times = try self.store.run(
            """
            SELECT tenant, key, clock_timestamp() - changed_at > interval '100 s' FROM key_history
            ORDER BY row
            """
        )
        #expect(times == "acme|k|t\nacme|l|t\nacme|k|f\nacme|l|f\nother|k|f\nother|l|f")
        let live = try self.store.run("SELECT count(*), count(changed_at) FROM live_key")
        #expect(live == "4|4")
        let rates = try self.store.run("SELECT * FROM write_rate ORDER BY tenant")
        #expect(rates == "acme|1|0.02|4\nother|1|0.02|4")
    }

    /// What a store of schema version 2 holds has no time.
    @Test mutating func whatIsOlderHasNone() throws {
        try self.write(1, in: 1)
        try self.store.run("DELETE FROM commit_time")
        #expect(try self.store.run("SELECT count(*), count(changed_at) FROM key_history") == "2|0")
        #expect(try self.store.run("SELECT writes_last_minute FROM write_rate") == "0\n0")
    }
}
