package import ByreCore
import Postgres

extension PostgresBackend: SharedBackend {
    package var rowNumbering: RowNumbering { .tenant }

    package var shared: (any SharedBackend)? { self }

    /// One round trip, unless somebody is far behind.
    package func begin(_ plan: CommitPlan) throws(BackendError) -> CommitStart {
        let reading = NewsReading(plan.cursors, self.limits, self.sql, self.homes)
        var results = try self.beginTransaction(locking: plan.cursors.map(\.tenant)) { pipeline in
            if let version = plan.registryVersion {
                pipeline.add(self.sql.lockStore)
                self.addRegistry(since: version, to: &pipeline)
            }
            self.addExpired(plan.expiring, to: &pipeline)
            reading.add(to: &pipeline)
        }[...]
        guard let transaction = self.transaction else { throw .unavailable("no transaction") }
        var start = CommitStart()
        start.hasErased = plan.cursors.contains {
            transaction.tenants[$0.tenant]?.isErasing ?? true
        }
        if let version = plan.registryVersion {
            results = results.dropFirst()
            start.registry = self.registryNews(since: version, results.prefix(Self.registryCount))
            results = results.dropFirst(Self.registryCount)
        }
        if !plan.expiring.isEmpty, let expired = results.popFirst() {
            start.expired = Set(expired.map(ExpiringLease.init))
        }
        do throws(PostgresError) {
            start.news = try reading.news(
                of: transaction.tenants,
                Array(results),
                transaction.connection
            )
        } catch {
            self.abandonTransaction()
            self.writer.dropIfUseless(after: error)
            throw BackendError(error)
        }
        return start
    }

    package func abandon() { self.abandonTransaction() }

    package func news(since cursors: [TenantCursor]) throws(BackendError) -> [TenantNews] {
        guard !cursors.isEmpty else { return [] }
        let reading = NewsReading(cursors, self.limits, self.sql, self.homes)
        return try self.reading { connection throws(PostgresError) in
            let results = try connection.pipeline { pipeline in
                pipeline.begin()
                pipeline.add(self.sql.snapshot)
                pipeline.add(self.sql.readTenants, self.locking(cursors.map(\.tenant)))
                reading.add(to: &pipeline)
            }
            let tenants = results[2].map(LockedTenant.init)
            let news = try reading.news(
                of: Dictionary(
                    tenants.map { ($0.record.id, $0) },
                    uniquingKeysWith: { first, _ in first }
                ),
                Array(results.dropFirst(3)),
                connection
            )
            try connection.pipeline { $0.commit() }
            return news
        }
    }

    package func registry(since version: Int64) throws(BackendError) -> RegistryNews? {
        try self.reading { connection throws(PostgresError) in
            let present = try connection.query(self.sql.storeVersion)
            if present.first?.int64(0) == version { return nil }
            let results = try connection.pipeline { pipeline in
                pipeline.begin()
                pipeline.add(self.sql.snapshot)
                self.addRegistry(since: version, to: &pipeline)
                pipeline.commit()
            }
            return self.registryNews(since: version, results[2..<(2 + Self.registryCount)])
        }
    }

    package func remove(
        _ rows: [(tenant: TenantID, rows: [RowID])]
    ) throws(BackendError) {
        guard !rows.isEmpty else { return }
        try self.reading { connection throws(PostgresError) in
            // Without a BEGIN, a pipeline is one transaction.
            _ = try connection.pipeline { pipeline in
                for (tenant, rows) in rows {
                    self.homes.sql(of: tenant).delete(rows, of: tenant, on: &pipeline)
                }
            }
        }
    }

    /// Does what may be done twice on the writer's connection, outside a transaction.
    private func reading<R>(
        _ body: (PostgresConnection) throws(PostgresError) -> R
    ) throws(BackendError) -> R {
        try self.checkOpen()
        if self.transaction != nil { self.abandonTransaction() }
        return try self.writer.run { connection throws(PostgresError) in
            do throws(PostgresError) {
                return try body(connection)
            } catch {
                Self.rollBack(connection)
                throw error
            }
        }
    }

    private func addExpired(_ leases: [ExpiringLease], to pipeline: inout Pipeline) {
        guard !leases.isEmpty else { return }
        pipeline.add(
            self.sql.lockExpired,
            leases.columns + [.int8(Int64(self.limits.heartbeatGapSeconds))]
        )
    }

    // MARK: The registry

    /// How many statements ``addRegistry(since:to:)`` adds.
    private static let registryCount = 4

    private func addRegistry(since version: Int64, to pipeline: inout Pipeline) {
        pipeline.add(self.sql.storeVersion)
        pipeline.add(self.sql.definitions, [.int8(version)])
        pipeline.add(self.sql.identities, [.int8(version)])
        pipeline.add(self.sql.tenantIDs)
    }

    private func registryNews(
        since version: Int64,
        _ results: ArraySlice<PostgresResult>
    ) -> RegistryNews? {
        let results = Array(results)
        guard let store = results[0].first, store.int64(0) != version else { return nil }
        var news = RegistryNews(
            version: store.int64(0),
            nextID: TenantID(rawValue: store.int64(1))
        )
        news.changed = StoredRegistry.tenants(results[1], identities: results[2])
        news.present = Set(results[3].map { TenantID(rawValue: $0.int64(0)) })
        self.homes.take(news.changed, present: news.present)
        return news
    }
}

extension [ExpiringLease] {
    /// Two parameters: the tenants and the leases.
    var columns: [PostgresValue] {
        [.int8s(self.map(\.tenant.rawValue)), .int8s(self.map(\.lease.rawValue))]
    }
}

extension ExpiringLease {
    /// - Parameter row: begins with the tenant and the lease.
    init(_ row: PostgresRow) {
        self.init(
            tenant: TenantID(rawValue: row.int64(0)),
            lease: LeaseID(rawValue: row.int64(1))
        )
    }
}
