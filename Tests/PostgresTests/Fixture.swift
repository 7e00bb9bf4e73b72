import ByreTestKit
import Postgres

/// A database of one test's own, in the cluster that the tests share.
struct Database {
    let cluster: PostgresCluster
    let name: String

    init() throws {
        self.cluster = try PostgresCluster.shared()
        self.name = try self.cluster.makeDatabase()
    }

    var url: String { self.cluster.url(database: self.name) }

    func connect(
        _ change: (inout PostgresOptions) -> Void = { _ in }
    ) throws(PostgresError) -> PostgresConnection {
        var options = PostgresOptions()
        change(&options)
        return try PostgresConnection(self.url, options: options)
    }
}

extension PostgresConnection {
    /// The first column of the first row of a query without parameters.
    func integer(_ sql: String) throws(PostgresError) -> Int64 {
        try self.query(PostgresStatement(sql)).first?.int64(0) ?? 0
    }

    func text(_ sql: String) throws(PostgresError) -> String {
        try self.query(PostgresStatement(sql)).first?.text(0) ?? ""
    }
}

/// A table of both kinds of bytes, for those that only need one.
let makeTable = "CREATE TABLE t (id bigint PRIMARY KEY, name text, body bytea)"
