import BackendTestKit
import ByreCore
import ByreTestKit
import PostgresBackend
import Testing

/// PostgreSQL goes away in the middle of things, and comes back.
@Suite struct FailureTests {
    private let tenant = TenantID(rawValue: 1)

    /// A store with a tenant, and what it holds.
    private func filled(_ store: StoreFixture) throws -> History {
        var history = History(numbering: .tenant)
        let backend = try store.open()
        history.create(1, "default")
        history.write(1, [("a", [1])])
        try backend.commit(history.take())
        backend.close()
        return history
    }

    private var plan: CommitPlan {
        var plan = CommitPlan()
        plan.cursors = [.nothing(of: self.tenant)]
        return plan
    }

    private func expectUnavailable(_ error: BackendError?, _ when: String) {
        guard case .unavailable = error else {
            Issue.record("\(when): \(String(describing: error))")
            return
        }
    }

    // MARK: During a commit

    /// The server ends the connection while it executes COMMIT, before the transaction is durable.
    @Test func aCommitThatWasCutBeforeItHappenedDidNotHappen() throws {
        let store = try StoreFixture()
        var history = try self.filled(store)
        let before = history
        try store.run(
            """
            CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON kv DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION cut()
            """
        )
        let backend = try store.open()
        history.write(1, [("a", [2])])
        let batch = history.take()
        for _ in 1...2 {
            let error = #expect(throws: BackendError.self) { try backend.commit(batch) }
            self.expectUnavailable(error, "a commit that did not happen")
            #expect(try backend.recovered() == before.expected)
        }
        // The same backend goes on.
        try store.run("DROP TRIGGER cut ON kv")
        try backend.commit(batch)
        #expect(try backend.recovered() == history.expected)
    }

    /// The connection is ended between the two round trips.
    @Test func aTransactionThatWasCutIsNotCommitted() throws {
        let store = try StoreFixture()
        var history = try self.filled(store)
        let before = history
        let backend = try store.open()
        _ = try backend.begin(self.plan)
        try self.cut(store)
        history.write(1, [("a", [2])])
        let batch = history.take()
        let error = #expect(throws: BackendError.self) { try backend.commit(batch) }
        self.expectUnavailable(error, "a transaction that is gone")
        #expect(try backend.recovered() == before.expected)
        try backend.commit(batch)
        #expect(try backend.recovered() == history.expected)
    }

    private func cut(_ store: StoreFixture) throws {
        try store.run(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )
    }

    /// A store whose commits wait for a standby that is not there: durable, and not answered.
    private struct Waiting {
        let store: StoreFixture
        let backend: PostgresBackend

        /// - Parameter fill: makes the store.
        init(
            _ change: (inout PostgresLimits) -> Void,
            _ plan: CommitPlan,
            fill: (StoreFixture) throws -> Void
        ) throws {
            let cluster = try PostgresCluster(settings: [
                "synchronous_standby_names = 'nobody'", "synchronous_commit = local",
            ])
            self.store = try StoreFixture(cluster)
            try fill(self.store)
            self.backend = try self.store.open(change)
            // The connection that begins will wait for the standby, later ones will not.
            try self.store.run("ALTER DATABASE \(self.store.database) SET synchronous_commit = on")
            _ = try self.backend.begin(plan)
            try self.store.run(
                """
                SET synchronous_commit = local;
                ALTER DATABASE \(self.store.database) RESET synchronous_commit
                """
            )
        }
    }

    /// Starts a commit that waits for the standby, and returns when it does.
    private func startCommit(_ waiting: Waiting, _ batch: CommitBatch) throws -> Ending<Void> {
        let backend = waiting.backend
        let ending = Ending { () throws(BackendError) in try backend.commit(batch) }
        // Asked as fast as the server answers, until it is so.
        for _ in 0..<2_000 {
            let waits = try waiting.store.run(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            )
            if waits == "1" { break }
        }
        return ending
    }

    @Test func aCommitThatHappenedThoughItsAnswerWasLostIsKnownToHave() throws {
        var history = History(numbering: .tenant)
        let waiting = try Waiting({ _ in }, self.plan) { history = try self.filled($0) }
        history.write(1, [("a", [2])])
        let ending = try self.startCommit(waiting, history.take())
        try waiting.store.run(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE wait_event = 'SyncRep'
            """
        )
        #expect(throws: Never.self) { try ending.wait()?.get() }
        #expect(try waiting.backend.recovered() == history.expected)
        history.write(1, [("a", [3])])
        try waiting.backend.commit(history.take())
        #expect(try waiting.backend.recovered() == history.expected)
    }

    @Test func anOutcomeThatCannotBeLearnedIsUncertain() throws {
        var history = History(numbering: .tenant)
        let waiting = try Waiting({ $0.resolveMilliseconds = 200 }, self.plan) {
            history = try self.filled($0)
        }
        history.write(1, [("a", [2])])
        let ending = try self.startCommit(waiting, history.take())
        try waiting.store.cluster.stop("immediate")
        guard case .failure(.uncertain) = try ending.wait() else {
            Issue.record("the commit is not uncertain")
            return
        }
        try waiting.store.cluster.start()
        // What became of it is in the store, for whoever begins next.
        let news = try self.retrying { try waiting.backend.begin(self.plan).news }
        waiting.backend.abandon()
        #expect(news.first?.record == history.expected.tenants[0].record)
    }

    /// Goes on as a caller does while the store is unavailable.
    private func retrying<R>(_ body: () throws -> R) throws -> R {
        var last: (any Error)?
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            do {
                return try body()
            } catch BackendError.unavailable(let why) {
                last = BackendError.unavailable(why)
            }
        }
        throw last ?? BackendError.unavailable("never tried")
    }

    // MARK: Between commits

    @Test func aServerThatCrashedAndIsBackIsUsedAgain() throws {
        let cluster = try PostgresCluster()
        let store = try StoreFixture(cluster)
        var history = try self.filled(store)
        let backend = try store.open()
        let reader = try backend.makeReader()
        let index = try backend.makeReadIndex()
        let keeper = try backend.makeKeeper()
        let me = InstanceRecord(id: 1, name: "one", clientURLs: [])
        func useAll() throws -> [Int64?] {
            _ = try backend.begin(self.plan)
            backend.abandon()
            var value: Bytes?
            try reader.values(of: self.tenant, rows: [history.row(1)]) { value = $1 }
            #expect(value == [1])
            _ = try keeper.beat(me)
            return try index.sequences(of: [self.tenant])
        }
        #expect(try useAll() == [1])
        _ = try backend.begin(self.plan)
        try cluster.stop("immediate")
        history.write(1, [("a", [2])])
        let batch = history.take()
        for _ in 1...2 {
            self.expectUnavailable(
                #expect(throws: BackendError.self) { _ = try index.sequences(of: [self.tenant]) },
                "without a server"
            )
            self.expectUnavailable(
                #expect(throws: BackendError.self) { _ = try keeper.beat(me) },
                "without a server"
            )
        }
        try cluster.start()
        backend.abandon()
        #expect(try self.retrying(useAll) == [1])
        try self.retrying { try backend.commit(batch) }
        #expect(try backend.recovered() == history.expected)
    }

    // MARK: Locks

    @Test func waitingForALockIsBounded() throws {
        let store = try StoreFixture()
        let history = try self.filled(store)
        let one = try store.open()
        let other = try store.open { $0.lockMilliseconds = 50 }
        _ = try one.begin(self.plan)
        self.expectUnavailable(
            #expect(throws: BackendError.self) { _ = try other.begin(self.plan) },
            "a lock that is held"
        )
        one.abandon()
        #expect(try other.begin(self.plan).news.first?.record.revision == 2)
        other.abandon()
        #expect(try other.recovered() == history.expected)
    }

    /// An instance that stands still in a transaction loses it, and learns so.
    @Test func anInstanceThatStandsStillLetsGo() throws {
        let store = try StoreFixture()
        var history = try self.filled(store)
        let still = try store.open { $0.idleInTransactionMilliseconds = 50 }
        let other = try store.open()
        _ = try still.begin(self.plan)
        var lost = history
        lost.write(1, [("lost", [1])])
        _ = try other.begin(self.plan)
        history.write(1, [("a", [2])])
        try other.commit(history.take())
        self.expectUnavailable(
            #expect(throws: BackendError.self) { try still.commit(lost.take()) },
            "a transaction that was ended"
        )
        #expect(try still.recovered() == history.expected)
    }
}
