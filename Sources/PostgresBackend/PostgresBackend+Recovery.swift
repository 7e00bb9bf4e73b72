package import ByreCore
import Postgres

extension PostgresBackend {
    /// Reads one snapshot, on a connection of its own, row by row: memory does not grow with the
    /// store. Values are not read: PostgreSQL keeps their lengths beside where they are.
    /// - Complexity: O(rows).
    package func recover(into recovery: inout some Recovery) throws(BackendError) {
        try self.checkOpen()
        do throws(PostgresError) {
            let connection = try PostgresConnection(
                self.address.url,
                options: .long(self.limits, self.address)
            )
            defer { connection.close() }
            // One snapshot, so that the commit points and the rows belong together.
            try connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            let points = try self.recoverTenants(connection, &recovery)
            try self.recoverLeases(connection, &recovery)
            try self.recoverAlarms(connection, &recovery)
            var orphan = try self.recoverRows(self.sql, connection, points.shared, &recovery)
            for (id, point, home) in points.housed where orphan == nil {
                orphan = try self.recoverRows(
                    StoreStatements(self.sql, home: home),
                    connection,
                    [id: point],
                    &recovery
                )
            }
            try connection.execute("COMMIT")
            if let orphan { throw PostgresError(kind: .server(sqlState: "XX001"), message: orphan) }
        } catch {
            throw BackendError(error)
        }
    }

    /// The commit point of each tenant.
    private struct Points {
        var shared: [Int64: Int64] = [:]
        /// Of those that have a schema of their own. What is being erased is not looked at.
        var housed: [(id: Int64, point: Int64, home: String)] = []
    }

    private func recoverTenants(
        _ connection: PostgresConnection,
        _ recovery: inout some Recovery
    ) throws(PostgresError) -> Points {
        var points = Points()
        let all = PostgresValue.int8(-1)
        let tenants = StoredRegistry.tenants(
            try connection.query(self.sql.definitions, [all]),
            identities: try connection.query(self.sql.identities, [all])
        )
        for tenant in tenants {
            let id = tenant.record.id.rawValue
            if let home = tenant.definition.home {
                if !tenant.isErasing { points.housed.append((id, tenant.record.revision, home)) }
            } else {
                points.shared[id] = tenant.record.revision
            }
            recovery.tenant(tenant)
        }
        self.homes.take(tenants, present: Set(tenants.map(\.record.id)))
        return points
    }

    private func recoverLeases(
        _ connection: PostgresConnection,
        _ recovery: inout some Recovery
    ) throws(PostgresError) {
        try connection.stream(self.sql.leases) { row in
            recovery.lease(
                TenantID(rawValue: row.int64(0)),
                LeaseRecord(id: LeaseID(rawValue: row.int64(1)), ttlSeconds: row.int64(2))
            )
            return true
        }
    }

    private func recoverAlarms(
        _ connection: PostgresConnection,
        _ recovery: inout some Recovery
    ) throws(PostgresError) {
        try connection.stream(self.sql.alarms) { row in
            recovery.alarm(
                TenantID(rawValue: row.int64(0)),
                Alarm(name: row.text(2), memberID: row.int64(1))
            )
            return true
        }
    }

    /// Rows above their tenant's commit point are passed over: an import may be writing them.
    /// - Returns: what is wrong with a row of no tenant.
    private func recoverRows(
        _ sql: StoreStatements,
        _ connection: PostgresConnection,
        _ points: [Int64: Int64],
        _ recovery: inout some Recovery
    ) throws(PostgresError) -> String? {
        var orphan: String?
        var tenant: Int64?
        var point: Int64 = 0
        try connection.stream(sql.allRows) { row in
            let id = row.int64(1)
            if id != tenant {
                guard let known = points[id] else {
                    orphan = "row \(row.int64(0)) belongs to tenant \(id), which is not there"
                    return false
                }
                tenant = id
                point = known
            }
            let version = row.version()
            if version.modRevision <= point {
                recovery.row(TenantID(rawValue: id), key: row.bytes(7), version: version)
            }
            return true
        }
        return orphan
    }
}
