import BackendTestKit
import ByreCore
import Postgres
import Testing

@testable import PostgresBackend

/// A primary that another has replaced is not talked to.
@Suite struct TimelineTests {
    @Test func anOlderTimelineIsRefused() {
        let timeline = Timeline()
        #expect(timeline.accepts(nil))
        #expect(timeline.accepts(2))
        #expect(timeline.accepts(2))
        #expect(!timeline.accepts(1))
        #expect(timeline.accepts(nil))
        #expect(timeline.accepts(3))
        #expect(!timeline.accepts(2))
    }

    @Test func aServerTellsItsTimeline() throws {
        let store = try StoreFixture()
        #expect(try Timeline.current(of: store.connect()) == 1)
        let backend = try store.open()
        let index = try backend.makeReadIndex()
        #expect(try index.sequences(of: []) == [])
        // From here on this server is one that was replaced: for connections that there are, too.
        #expect(backend.timeline.accepts(2))
        var history = History(numbering: .tenant)
        history.create(1, "default")
        for attempt in [
            { try backend.commit(history.take()) },
            { _ = try index.sequences(of: []) },
        ] as [() throws -> Void] {
            let error = #expect(throws: BackendError.self) { try attempt() }
            guard case .unavailable(let why) = error else {
                Issue.record("told as \(String(describing: error))")
                continue
            }
            #expect(why.contains("another has replaced"))
        }
    }

    @Test(arguments: [
        ("postgresql://u:p@a:1,b:2,c/d?x=y", 1, "postgresql://u:p@b:2,c,a:1/d?x=y"),
        ("postgresql://u:p@a:1,b:2,c/d?x=y", 5, "postgresql://u:p@c,a:1,b:2/d?x=y"),
        ("postgres://a,b?x=y", 1, "postgres://b,a?x=y"),
        ("postgresql://[::1]:5432,b/d", 1, "postgresql://b,[::1]:5432/d"),
        ("postgresql://u@a/d", 1, "postgresql://u@a/d"),
        ("postgresql:///d?host=a,b", 1, "postgresql:///d?host=a,b"),
    ])
    func anotherHostIsAskedFirst(url: String, host: Int, turned: String) throws {
        #expect(try StoreAddress(url).url(from: host) == turned)
        #expect(try StoreAddress(url).url(from: 0) == url)
    }

    /// Whatever the database says.
    @Test func acknowledgedMeansDurable() throws {
        let store = try StoreFixture()
        try store.run("ALTER DATABASE \(store.database) SET synchronous_commit = off")
        let connection = try store.open().makeSession().connected()
        let setting = try connection.query("SHOW synchronous_commit").first?.text(0)
        #expect(setting == "on")
    }

    @Test func longValuesAreCompressedQuickly() throws {
        let store = try StoreFixture()
        let lz4 = """
            SELECT 'lz4' = ANY (enumvals) FROM pg_settings
            WHERE name = 'default_toast_compression'
            """
        guard try store.run(lz4) == "t" else { return }
        var history = History(numbering: .tenant)
        history.create(1, "default")
        history.write(1, [("k", Bytes(repeating: 7, count: 20_000))])
        try store.open().commit(history.take())
        #expect(try store.run("SELECT pg_column_compression(value) FROM kv") == "lz4")
    }
}
