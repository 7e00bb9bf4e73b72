import Dispatch
import Postgres
import Testing

@Suite struct NotificationTests {
    private let database: Database
    private let listener: PostgresConnection
    private let notifier: PostgresConnection

    init() throws {
        self.database = try Database()
        self.listener = try self.database.connect()
        self.notifier = try self.database.connect()
        try self.listener.execute("LISTEN changes")
    }

    private static let notify: PostgresStatement = "SELECT pg_notify('changes', $1)"

    @Test func payloadsComeInOrder() throws {
        for payload in ["1", "", "2 3"] { try self.notifier.query(Self.notify, [.text(payload)]) }
        var payloads: [String] = []
        while payloads.count < 3 {
            let more = try self.listener.waitForNotification(timeoutMilliseconds: 60_000)
            guard !more.isEmpty else { break }
            payloads += more
        }
        #expect(payloads == ["1", "", "2 3"])
    }

    @Test func nothingComesWhenTheTimeIsOver() throws {
        #expect(try self.listener.waitForNotification(timeoutMilliseconds: 1) == [])
        #expect(try self.listener.waitForNotification(timeoutMilliseconds: 0) == [])
        #expect(self.listener.isAlive)
    }

    @Test func whatCameWithAnAnswerIsNotLost() throws {
        try self.notifier.query(Self.notify, [.text("early")])
        #expect(try self.listener.integer("SELECT 1::bigint") == 1)
        #expect(try self.listener.waitForNotification(timeoutMilliseconds: 60_000) == ["early"])
    }

    @Test func aNotificationBehindACommitIsSent() throws {
        try self.notifier.pipeline { pipeline in
            pipeline.begin()
            pipeline.commit()
            pipeline.add(Self.notify, [.text("7")])
        }
        #expect(try self.listener.waitForNotification(timeoutMilliseconds: 60_000) == ["7"])
    }

    @Test func aWaitEndsWhenTheServerEndsTheConnection() throws {
        try self.notifier.query(
            "SELECT pg_terminate_backend($1)",
            [.int4(self.listener.serverProcess)]
        )
        let error = #expect(throws: PostgresError.self) {
            _ = try self.listener.waitForNotification(timeoutMilliseconds: 60_000)
        }
        #expect(error?.kind == .connection)
        #expect(!self.listener.isAlive)
    }
}
