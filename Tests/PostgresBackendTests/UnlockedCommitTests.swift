import BackendTestKit
import ByreCore
import ByreTestKit
import Testing

@testable import PostgresBackend

/// Commits that lock nothing first: `commit(_:decidedOn:)`.
@Suite struct UnlockedCommitTests {
    private let store: StoreFixture
    private let one: PostgresBackend
    private let other: PostgresBackend
    /// Two tenants, as both backends know them.
    private var history = History(numbering: .tenant)

    init() throws {
        self.store = try StoreFixture()
        self.one = try self.store.open()
        self.other = try self.store.open()
        self.history.create(1, "default")
        self.history.create(2, "quiet")
        self.history.write(1, [("a", [1])])
        try self.one.commit(self.history.take())
    }

    private func basis(_ history: History, _ ids: [Int64] = [1]) -> [TenantSequence] {
        history.expected.tenants.filter { ids.contains($0.record.id.rawValue) }.map {
            TenantSequence(tenant: $0.record.id, sequence: $0.record.sequence)
        }
    }

    @Test mutating func whatWasDecidedOnTheNewestStateIsCommitted() throws {
        for round in 0..<10 {
            let basis = self.basis(self.history, [2, 1])
            self.history.write(1, [("k", [UInt8(round)])])
            self.history.grant(1, lease: Int64(round) + 1, ttlSeconds: 60)
            if round % 3 == 0 { self.history.write(2, [("k", [1]), ("l", nil)]) }
            let backend = round % 2 == 0 ? self.one : self.other
            #expect(try backend.commit(self.history.take(), decidedOn: basis))
        }
        #expect(try self.one.recovered() == self.history.expected)
    }

    /// Others wrote to a tenant that the batch writes, or to one that it only read.
    @Test(arguments: [1, 2] as [Int64])
    mutating func whatOthersChangedMeanwhileKeepsABatchFromBeingCommitted(id: Int64) throws {
        let basis = self.basis(self.history, [1, 2])
        var stale = self.history
        self.history.write(id, [("b", [1])])
        try self.other.commit(self.history.take())
        stale.write(1, [("c", [1])])
        let batch = stale.take()
        for _ in 1...2 { #expect(try !self.one.commit(batch, decidedOn: basis)) }
        #expect(try self.other.recovered() == self.history.expected)
        // It holds no lock, and goes on.
        let newer = self.basis(self.history)
        self.history.write(1, [("c", [2])])
        #expect(try self.one.commit(self.history.take(), decidedOn: newer))
        #expect(try self.other.recovered() == self.history.expected)
    }

    @Test mutating func anEmptyBatchAsksWhetherItsBasisHolds() throws {
        let basis = self.basis(self.history, [1, 2])
        #expect(try self.one.commit(CommitBatch(), decidedOn: basis))
        self.history.write(2, [("b", [1])])
        try self.other.commit(self.history.take())
        #expect(try !self.one.commit(CommitBatch(), decidedOn: basis))
        #expect(try self.one.commit(CommitBatch(), decidedOn: self.basis(self.history, [1, 2])))
    }

    @Test mutating func nothingIsWrittenToATenantThatIsBeingErased() throws {
        let basis = self.basis(self.history)
        self.history.define(1) { $0.lifecycle = .deleting }
        self.history.beginErasing(1)
        try self.other.commit(self.history.take())
        var late = self.history
        late.write(1, [("late", [1])])
        #expect(try !self.one.commit(late.take(), decidedOn: basis))
        #expect(try !self.one.commit(CommitBatch(), decidedOn: basis))
        #expect(try self.one.recovered() == self.history.expected)
    }

    @Test mutating func nothingIsWrittenToATenantThatIsNotThere() throws {
        var stray = self.history
        stray.create(3, "stray")
        _ = stray.take()
        let basis = self.basis(stray, [3])
        stray.write(3, [("a", [1])])
        #expect(try !self.one.commit(stray.take(), decidedOn: basis))
        #expect(try self.one.recovered() == self.history.expected)
    }

    /// It waits for who has the tenant locked, and sees what that one has made of it.
    @Test(arguments: [true, false])
    mutating func whoeverHasATenantLockedIsWaitedFor(isChanged: Bool) throws {
        let basis = self.basis(self.history)
        var plan = CommitPlan()
        plan.cursors = [.nothing(of: TenantID(rawValue: 1))]
        _ = try self.other.begin(plan)
        var mine = self.history
        mine.write(1, [("mine", [1])])
        let (backend, batch) = (self.one, mine.take())
        let ending = Ending { () throws(BackendError) in
            try backend.commit(batch, decidedOn: basis)
        }
        try self.store.run(
            """
            DO $$ BEGIN
                LOOP
                    PERFORM pg_stat_clear_snapshot();
                    PERFORM FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                        AND datname = current_database();
                    EXIT WHEN FOUND;
                END LOOP;
            END $$
            """
        )
        if isChanged {
            self.history.write(1, [("other", [1])])
            try self.other.commit(self.history.take())
        } else {
            self.other.abandon()
            self.history = mine
        }
        #expect(try ending.wait()?.get() == !isChanged)
        #expect(try self.other.recovered() == self.history.expected)
    }

    // MARK: Lost connections

    /// What was sent may still be on its way when its outcome is looked up: it is not committed later.
    @Test mutating func whatWasGivenUpIsNeverCommitted() throws {
        let basis = self.basis(self.history)
        let before = self.history
        self.history.write(1, [("a", [2])])
        let batch = self.history.take()
        let token = self.one.nextToken()
        #expect(try !self.one.wasCommitted(token))
        // The same statements with the same token come late.
        self.one.lastToken = token - 1
        #expect(try !self.one.commit(batch, decidedOn: basis))
        #expect(try self.other.recovered() == before.expected)
        self.one.lastToken = token + 1
        #expect(try self.one.commit(batch, decidedOn: basis))
        #expect(try self.other.recovered() == self.history.expected)
    }

    /// The answer to the question may be lost too: it is asked again.
    @Test mutating func whatWasCommittedIsFoundHoweverOftenItIsAskedFor() throws {
        let basis = self.basis(self.history)
        self.history.write(1, [("a", [2])])
        #expect(try self.one.commit(self.history.take(), decidedOn: basis))
        let token = self.one.lastToken
        for _ in 1...3 { #expect(try self.one.wasCommitted(token)) }
        let lost = self.one.nextToken()
        for _ in 1...3 { #expect(try !self.one.wasCommitted(lost)) }
        // And a commit with locks is found as well.
        self.history.write(1, [("a", [3])])
        try self.one.commit(self.history.take())
        let locked = self.one.lastToken
        for _ in 1...3 { #expect(try self.one.wasCommitted(locked)) }
    }

    /// What keeps a lost commit from coming late has a number that no other transaction gets.
    @Test mutating func whatCannotBeLookedUpLeavesItsNumberToNobody() throws {
        let cluster = try PostgresCluster()
        let store = try StoreFixture(cluster)
        let backend = try store.open { $0.resolveMilliseconds = 50 }
        let token = backend.nextToken()
        try cluster.stop("immediate")
        let error = #expect(throws: BackendError.self) { try backend.wasCommitted(token) }
        guard case .uncertain = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(backend.nextToken() > token + 1)
    }

    /// A server that has gone away while nothing was sent leaves nothing to be looked up.
    @Test mutating func aServerThatIsGoneIsNoUncertainty() throws {
        let cluster = try PostgresCluster()
        let store = try StoreFixture(cluster)
        let backend = try store.open()
        var history = History(numbering: .tenant)
        history.create(1, "default")
        try backend.commit(history.take())
        let basis = self.basis(history)
        try cluster.stop("immediate")
        history.write(1, [("a", [1])])
        let batch = history.take()
        #expect(try !backend.commit(batch, decidedOn: basis))
        for _ in 1...2 {
            let error = #expect(throws: BackendError.self) {
                try backend.commit(batch, decidedOn: basis)
            }
            guard case .unavailable = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test mutating func aConnectionThatWasLostBetweenCommitsIsNoFailure() throws {
        var basis = self.basis(self.history)
        self.history.write(1, [("a", [2])])
        #expect(try self.one.commit(self.history.take(), decidedOn: basis))
        basis = self.basis(self.history)
        try self.cut()
        self.history.write(1, [("a", [3])])
        let batch = self.history.take()
        #expect(try !self.one.commit(batch, decidedOn: basis))
        #expect(try self.one.commit(batch, decidedOn: basis))
        try self.cut()
        #expect(try !self.one.commit(CommitBatch(), decidedOn: self.basis(self.history)))
        #expect(try self.one.recovered() == self.history.expected)
    }

    private func cut() throws {
        try self.store.run(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )
    }

    /// The server ends the connection while it executes COMMIT, before the transaction is durable.
    @Test mutating func aCommitThatWasCutBeforeItHappenedIsToBeginAnew() throws {
        let basis = self.basis(self.history)
        let before = self.history
        try self.store.run(
            """
            CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON kv DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION cut()
            """
        )
        self.history.write(1, [("a", [2])])
        let batch = self.history.take()
        #expect(try !self.one.commit(batch, decidedOn: basis))
        #expect(try self.one.recovered() == before.expected)
        try self.store.run("DROP TRIGGER cut ON kv")
        #expect(try self.one.commit(batch, decidedOn: basis))
        #expect(try self.one.recovered() == self.history.expected)
    }

    /// The connection is lost once it is committed: that is found out.
    @Test mutating func aCommitThatHappenedThoughItsAnswerWasLostIsKnownToHave() throws {
        let cluster = try PostgresCluster(settings: [
            "synchronous_standby_names = 'nobody'", "synchronous_commit = local",
        ])
        let store = try StoreFixture(cluster)
        let filling = try store.open()
        var history = History(numbering: .tenant)
        history.create(1, "default")
        try filling.commit(history.take())
        let backend = try store.open()
        // The connection that is made now will wait for the standby, later ones will not.
        try store.run("ALTER DATABASE \(store.database) SET synchronous_commit = on")
        #expect(try backend.commit(CommitBatch(), decidedOn: self.basis(history)))
        try store.run(
            """
            SET synchronous_commit = local;
            ALTER DATABASE \(store.database) RESET synchronous_commit
            """
        )
        let basis = self.basis(history)
        history.write(1, [("a", [2])])
        let batch = history.take()
        let ending = Ending { () throws(BackendError) in
            try backend.commit(batch, decidedOn: basis)
        }
        try store.run(
            """
            DO $$ BEGIN
                LOOP
                    PERFORM pg_stat_clear_snapshot();
                    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE wait_event = 'SyncRep';
                    EXIT WHEN FOUND;
                END LOOP;
            END $$
            """
        )
        #expect(try ending.wait()?.get() == true)
        #expect(try backend.recovered() == history.expected)
    }
}
