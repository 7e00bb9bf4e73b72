package import ByreCore
import Postgres

/// Asks how far tenants are, on a connection of its own. Belongs to one thread.
final class PostgresReadIndex: ReadIndex {
    private let session: Session
    private let sql: StoreStatements

    init(_ session: Session, _ sql: StoreStatements) {
        self.session = session
        self.sql = sql
    }

    deinit {
        self.session.close()
    }

    func sequences(of tenants: [TenantID]) throws(BackendError) -> [Int64?] {
        let found = try self.session.run { connection throws(PostgresError) in
            try connection.query(self.sql.sequences, [.int8s(tenants.map(\.rawValue))])
        }
        var sequences: [Int64: Int64] = [:]
        for row in found { sequences[row.int64(0)] = row.int64(1) }
        return tenants.map { sequences[$0.rawValue] }
    }

    func remaining(_ leases: [ExpiringLease]) throws(BackendError) -> [Int64?] {
        let found = try self.session.run { connection throws(PostgresError) in
            try connection.query(self.sql.remaining, leases.columns)
        }
        var remaining: [ExpiringLease: Int64] = [:]
        for row in found { remaining[ExpiringLease(row)] = row.int64(2) }
        return leases.map { remaining[$0] }
    }
}

extension PostgresBackend {
    package func makeReadIndex() throws(BackendError) -> any ReadIndex {
        try self.checkOpen()
        return PostgresReadIndex(self.makeSession(), self.sql)
    }

    package func makeListener() throws(BackendError) -> any ChangeListener {
        try self.checkOpen()
        return PostgresListener(
            self.makeSession(),
            self.limits,
            self.sql,
            ownProcess: { self.writer.serverProcess }
        )
    }

    package func makeKeeper() throws(BackendError) -> any StoreKeeper {
        try self.checkOpen()
        return PostgresKeeper(
            self.makeSession(),
            self.limits,
            self.sql,
            self.homes,
            process: self.instance
        )
    }
}
