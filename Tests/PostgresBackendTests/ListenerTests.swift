import BackendTestKit
import ByreCore
import Testing

@testable import PostgresBackend

@Suite struct ListenerTests {
    private let store: StoreFixture
    private let backend: PostgresBackend
    private var history = History(numbering: .tenant)
    private let tenant = TenantID(rawValue: 1)

    init() throws {
        self.store = try StoreFixture()
        self.backend = try self.store.open()
        self.history.create(1, "default")
        try self.backend.commit(self.history.take())
    }

    /// Long enough for any machine; a test that passes does not wait for it.
    private let patience = 60_000

    private func listener(
        _ change: (inout PostgresLimits) -> Void = { _ in }
    ) throws -> any ChangeListener {
        let listener = try self.store.open(change).makeListener()
        // The first answer is what is there.
        let present = try listener.wait(milliseconds: self.patience)
        #expect(present.tenants == [self.tenant: 0] && present.hasRegistry)
        return listener
    }

    @Test func aCommitIsHeard() throws {
        var history = self.history
        // It never looks itself.
        let listener = try self.listener { $0.pollMilliseconds = 10 * self.patience }
        for round in 1...3 {
            history.write(1, [("a", [UInt8(round)])])
            try self.backend.commit(history.take())
            let heard = try listener.wait(milliseconds: self.patience)
            #expect(heard.tenants == [self.tenant: Int64(round)] && !heard.hasRegistry)
        }
        history.define(1) { $0.limits.keys = 7 }
        try self.backend.commit(history.take())
        #expect(try listener.wait(milliseconds: self.patience).hasRegistry)
        #expect(try listener.wait(milliseconds: 1) == HeardChanges())
    }

    @Test func whatAnInstanceCommitsItselfItIsNotToldOf() throws {
        var history = self.history
        history.create(2, "other")
        try self.backend.commit(history.take())
        let own = try self.store.open { $0.pollMilliseconds = 10 * self.patience }
        let listener = try own.makeListener()
        _ = try listener.wait(milliseconds: self.patience)
        history.write(1, [("a", [1])])
        try own.commit(history.take())
        let basis = [TenantSequence(tenant: self.tenant, sequence: 1)]
        history.write(1, [("a", [2])])
        #expect(try own.commit(history.take(), decidedOn: basis))
        history.write(2, [("a", [1])])
        try self.backend.commit(history.take())
        // The other's came last.
        let heard = try listener.wait(milliseconds: self.patience)
        #expect(heard.tenants == [TenantID(rawValue: 2): 1])
    }

    @Test func whatWasNotNotifiedIsFound() throws {
        let listener = try self.listener { $0.pollMilliseconds = 10 }
        try self.store.run("UPDATE tenant SET sequence = 41")
        #expect(try listener.wait(milliseconds: self.patience).tenants == [self.tenant: 41])
        try self.store.run("UPDATE store SET registry_version = registry_version + 1")
        #expect(try listener.wait(milliseconds: self.patience).hasRegistry)
    }

    @Test func whatHappensWhileTheConnectionIsLostIsFound() throws {
        let listener = try self.listener { $0.pollMilliseconds = 10 * self.patience }
        try self.store.run(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid();
            UPDATE tenant SET sequence = 41
            """
        )
        var heard: HeardChanges?
        for _ in 0..<100 where heard == nil { heard = try? listener.wait(milliseconds: 1_000) }
        #expect(heard?.tenants == [self.tenant: 41])
    }

    @Test func theReadIndexIsWhatIsCommitted() throws {
        var history = self.history
        let index = try self.store.open().makeReadIndex()
        let tenants = [TenantID(rawValue: 9), self.tenant]
        #expect(try index.sequences(of: tenants) == [nil, 0])
        history.write(1, [("a", [1])])
        try self.backend.commit(history.take())
        #expect(try index.sequences(of: tenants) == [nil, 1])
    }

    @Test(
        arguments: [
            ("1:57,7:3,r", [1: 57, 7: 3], true, false), ("r", [:], true, false),
            ("*", [:], false, true), ("*,r", [:], true, true), ("", [:], false, false),
            ("5:x", [:], false, true), ("later words,1:2", [1: 2], false, true),
        ] as [(String, [Int64: Int64], Bool, Bool)]
    )
    func aNotificationIsRead(
        _ payload: String,
        _ tenants: [Int64: Int64],
        _ hasRegistry: Bool,
        _ isIncomplete: Bool
    ) {
        let notification = Notification(payload: payload)
        let named = notification.heard.tenants.map { ($0.key.rawValue, $0.value) }
        #expect(Dictionary(uniqueKeysWithValues: named) == tenants)
        #expect(notification.heard.hasRegistry == hasRegistry)
        #expect(notification.isIncomplete == isIncomplete)
    }

    /// PostgreSQL takes payloads below 8,000 bytes.
    @Test func theLongestNotificationFits() {
        let countMax = PostgresLimits().notifiedTenantsMax
        for count in [countMax, countMax + 1] {
            let records = (0..<count).map { place in
                TenantRecord(
                    id: TenantID(rawValue: (1 << 23) - 1 - Int64(place)),
                    sequence: .max,
                    clusterID: 1,
                    memberID: 1
                )
            }
            let notification = Notification(
                tenants: records,
                hasRegistry: true,
                countMax: countMax
            )
            #expect(notification.payload.utf8.count < 8_000)
            #expect(notification.isIncomplete == (count > countMax))
            #expect(Notification(payload: notification.payload) == notification)
        }
    }
}
