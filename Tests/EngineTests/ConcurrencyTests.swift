import ByreCore
import ByreTestKit
import Engine
import Synchronization
import Testing

/// Many clients at once: the history is one that a single client could have made.
@Suite struct ConcurrencyTests {
    private struct Record: Sendable {
        let key: String
        let value: String
        let revision: Int64
        let previous: KeyValue?
        /// Ticks of a common counter, before the request and after the answer.
        let began: Int
        let ended: Int
    }

    private final class History: Sendable {
        let tick = Atomic<Int>(0)
        let records = Mutex<[Record]>([])
        let failures = Mutex<[String]>([])

        func now() -> Int { self.tick.add(1, ordering: .sequentiallyConsistent).newValue }
    }

    @Test(arguments: [0, 1 << 20])
    func theHistoryIsLinearizable(cacheBytes: Int) throws {
        let fixture = try StoreFixture {
            $0.cacheBytes = cacheBytes
            $0.batchOperationsMax = 5
        }
        let watcher = try WatchClient(fixture)
        watcher.watch()
        let history = History()
        let (store, tenant) = (fixture.store, fixture.tenant)
        let clients = (0..<6).map { number in
            WorkerThread(name: "client-\(number)") {
                Self.run(client: number, store, tenant, history)
            }
        }
        for client in clients { client.join() }

        #expect(history.failures.withLock { $0 } == [])
        let records = history.records.withLock { $0 }.sorted { $0.revision < $1.revision }
        #expect(records.map(\.revision) == Array(2...Int64(6 * 150 + 1)), "revisions are gapless")
        var last: [String: Record] = [:]
        var latestBegin = 0
        for record in records {
            #expect(record.previous?.value == last[record.key].map { Bytes($0.value.utf8) })
            #expect(record.previous?.version.modRevision == last[record.key]?.revision)
            // Nothing that ended before an earlier revision began comes after it.
            #expect(record.ended > latestBegin, "revision \(record.revision) is out of order")
            latestBegin = max(latestBegin, record.began)
            last[record.key] = record
        }
        try watcher.drain(to: records.count + 1)
        let told = records.map { "\($0.revision) PUT \($0.key)=\($0.value)" }
        #expect(Array(watcher.lines.dropFirst()) == told)
        fixture.stop()
        var recovered = RecoveredTenants()
        try fixture.memory.reopened().recover(into: &recovered)
        recovered.finish()
        let state = try #require(recovered.tenants[fixture.tenant.id]?.state)
        #expect(state.differences(from: fixture.tenant.snapshot.state).isEmpty)
    }

    private static func run(
        client: Int,
        _ store: Store,
        _ tenant: TenantStore,
        _ history: History
    ) {
        for round in 0..<150 {
            let key = "k\((client + round) % 4)"
            let value = "\(client).\(round)"
            var put = PutRequest(key: Bytes(key.utf8), value: Bytes(value.utf8))
            put.prevKV = true
            let before = tenant.snapshot.state.revision
            let began = history.now()
            do {
                let answer = Answer()
                try store.submit(.put(put), to: tenant, reply: answer)
                guard case .success(.put(let result)) = try answer.result() else {
                    throw Signal.Hang(what: "a put")
                }
                let ended = history.now()
                let state = tenant.snapshot.state
                // A read after the answer sees the write, or what came after it.
                let seen = state.index.version(of: put.key, at: result.headerRevision)
                if state.revision < result.headerRevision || result.headerRevision <= before
                    || seen?.modRevision != result.headerRevision
                {
                    history.failures.withLock { $0.append("\(value): stale read") }
                }
                history.records.withLock {
                    $0.append(
                        Record(
                            key: key,
                            value: value,
                            revision: result.headerRevision,
                            previous: result.prevKV,
                            began: began,
                            ended: ended
                        )
                    )
                }
            } catch {
                history.failures.withLock { $0.append("\(value): \(error)") }
            }
        }
    }
}
