import ByreCore
import Postgres

/// A transaction of the writer's that has begun and holds the rows of tenants.
struct Transaction {
    /// Tells it from this instance's others.
    let token: Int64
    let connection: PostgresConnection
    var tenants: [TenantID: LockedTenant] = [:]
}

/// What a tenant's row says.
struct LockedTenant {
    let record: TenantRecord
    /// Changes up to this sequence may have been pruned.
    let changesSince: Int64
    /// The instance that imports into it.
    let importer: Int64?
    let isErasing: Bool

    /// - Parameter row: the columns ``StoreStatements/lockedColumns``.
    init(_ row: PostgresRow) {
        self.record = row.tenantRecord()
        self.changesSince = row.int64(8)
        self.importer = row.isNull(9) ? nil : row.int64(9)
        self.isErasing = row.bool(10)
    }
}

extension PostgresBackend {
    /// Begins a transaction and locks the rows of `tenants`, in the order of their ids.
    /// - Parameter more: adds statements that are to see what is locked.
    /// - Returns: the results of those.
    func beginTransaction(
        locking tenants: [TenantID],
        _ more: (inout Pipeline) -> Void = { _ in }
    ) throws(BackendError) -> [PostgresResult] {
        try self.checkOpen()
        if self.transaction != nil { self.abandonTransaction() }
        let token = self.nextToken()
        let (connection, results) = try self.writer.run {
            connection throws(PostgresError) in
            var attempts = 0
            while true {
                attempts += 1
                do throws(PostgresError) {
                    let results = try connection.pipeline { pipeline in
                        pipeline.begin()
                        pipeline.add(self.sql.token, [.int8(self.instance), .int8(token)])
                        pipeline.add(self.sql.lockTenants, self.locking(tenants))
                        more(&pipeline)
                    }
                    return (connection, results)
                } catch {
                    Self.rollBack(connection)
                    guard error.isSerialization, attempts < Self.lockAttemptsMax else {
                        throw error
                    }
                }
            }
        }
        var transaction = Transaction(token: token, connection: connection)
        for row in results[2] {
            let tenant = LockedTenant(row)
            transaction.tenants[tenant.record.id] = tenant
        }
        self.transaction = transaction
        return Array(results.dropFirst(3))
    }

    /// Times that locking is tried when PostgreSQL ends it for the sake of somebody else's: behind a
    /// pooler others may lock tenants in another order.
    private static let lockAttemptsMax = 3

    /// A token that tells a transaction from all before it.
    func nextToken() -> Int64 {
        self.lastToken += 1
        return self.lastToken
    }

    /// Parameters of ``StoreStatements/lockTenants``.
    func locking(_ tenants: [TenantID]) -> [PostgresValue] {
        [.int8s(tenants.map(\.rawValue))]
    }

    /// Ends the transaction without effect.
    func abandonTransaction() {
        guard let transaction = self.transaction else { return }
        self.transaction = nil
        Self.rollBack(transaction.connection)
        if !transaction.connection.isAlive { self.writer.drop() }
    }

    static func rollBack(_ connection: PostgresConnection) {
        guard connection.isInTransaction else { return }
        do throws(PostgresError) {
            try connection.execute("ROLLBACK")
        } catch {
            // The server ends the transaction with the connection.
            connection.close()
        }
    }

    /// Finds out whether the transaction with `token` was committed, whose connection was lost.
    ///
    /// While the server still works on it, the row that it locked is waited for. If it has not come to
    /// that row yet, it will not be committed any more: see ``StoreStatements/updateUnchanged``.
    /// - Throws: ``BackendError/uncertain(_:)`` when it cannot be learned in time.
    func wasCommitted(_ token: Int64) throws(BackendError) -> Bool {
        let deadline = ContinuousClock.now + .milliseconds(self.limits.resolveMilliseconds)
        // Nothing else may have the fence's number, even if what became of the fence is not learned.
        let fence = token + 1
        self.lastToken = max(self.lastToken, fence)
        while true {
            let failure: PostgresError
            do throws(PostgresError) {
                let results = try self.writer.connected().pipeline { pipeline in
                    pipeline.add(self.sql.resolve, [.int8(self.instance)])
                    pipeline.add(self.sql.fence, [.int8(self.instance), .int8(fence)])
                }
                return results[0].first?.int64(0) == token
            } catch {
                self.writer.dropIfUseless(after: error)
                failure = error
            }
            guard ContinuousClock.now < deadline else {
                throw .uncertain("PostgreSQL: \(failure)")
            }
            pause(milliseconds: max(self.writer.waitMilliseconds, Self.resolvePauseMilliseconds))
        }
    }

    private static var resolvePauseMilliseconds: Int { 10 }
}
