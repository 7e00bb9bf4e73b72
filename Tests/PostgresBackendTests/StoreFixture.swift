import ByreCore
import ByreTestKit
import Postgres
import PostgresBackend

/// A store of one test's own, in the cluster that the tests share or in one of its own.
struct StoreFixture {
    let cluster: PostgresCluster
    let database: String

    init(_ cluster: PostgresCluster? = nil) throws {
        self.cluster = try cluster ?? PostgresCluster.shared()
        self.database = try self.cluster.makeDatabase()
    }

    var url: String { self.cluster.url(database: self.database) }

    /// The URL of another schema of the same database.
    func url(schema: String) -> String { "\(self.url)?schema=\(schema)" }

    func open(_ change: (inout PostgresLimits) -> Void = { _ in }) throws -> PostgresBackend {
        var limits = PostgresLimits()
        change(&limits)
        return try PostgresBackend(url: self.url, limits: limits)
    }

    func connect() throws(PostgresError) -> PostgresConnection {
        try PostgresConnection(self.url)
    }

    /// Runs statements in the store's schema, as a person would.
    /// - Returns: the lines of the answer, without the end of the last one.
    @discardableResult
    func run(_ sql: String) throws -> String {
        let lines = try self.cluster.run("SET search_path TO byre;\n" + sql, in: self.database)
        return String(lines.reversed().drop { $0.isNewline }.reversed())
    }
}
