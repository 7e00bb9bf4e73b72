package import ByreCore
import SQLite

extension SQLiteBackend {
    /// Reads in one sequential pass.
    ///
    /// A row's header holds its value's length, so values that overflow their
    /// row's page are not read.
    /// - Complexity: O(rows), and the file's pages of `kv` are read once.
    package func recover(into recovery: inout some Recovery) throws(BackendError) {
        let writer = try self.writing().writer
        // Synced, since the numbers of rows that are removed are given anew: if they came back
        // after a loss of power, the journal could not be replayed onto them.
        try writer.synced { () throws(BackendError) in
            do throws(SQLiteError) {
                try self.recover(from: writer.connection, into: &recovery)
            } catch {
                writer.rollBack()
                throw BackendError(error)
            }
        }
    }

    private func recover(
        from connection: Connection,
        into recovery: inout some Recovery
    ) throws(SQLiteError) {
        // A pass through everything would leave the cache full of what is not needed again.
        try connection.setCache(bytes: self.limits.recoveryCacheBytes)
        // One snapshot, so that the commit points and the rows belong together.
        try connection.execute("BEGIN")
        let points = try self.recoverTenants(connection, &recovery)
        try self.recoverLeases(connection, &recovery)
        try self.recoverAlarms(connection, &recovery)
        let hasRowsAbove = try self.recoverRows(connection, points, &recovery)
        if hasRowsAbove {
            try connection.execute(
                """
                DELETE FROM kv WHERE mod_revision >
                    (SELECT revision FROM tenant WHERE tenant.id = kv.tenant)
                """
            )
        }
        try connection.execute("COMMIT")
        self.check = try BatchCheck(connection)
    }

    /// - Returns: the commit point of each tenant.
    private func recoverTenants(
        _ connection: Connection,
        _ recovery: inout some Recovery
    ) throws(SQLiteError) -> [Int64: Int64] {
        var points: [Int64: Int64] = [:]
        for tenant in try StoredRegistry.read(connection) {
            points[tenant.record.id.rawValue] = tenant.record.revision
            recovery.tenant(tenant)
        }
        return points
    }

    private func recoverLeases(
        _ connection: Connection,
        _ recovery: inout some Recovery
    ) throws(SQLiteError) {
        let statement = try Statement(
            "SELECT tenant, id, ttl_seconds FROM lease ORDER BY tenant, id",
            on: connection
        )
        while try statement.step() {
            recovery.lease(
                TenantID(rawValue: statement.integer(0)),
                LeaseRecord(
                    id: LeaseID(rawValue: statement.integer(1)),
                    ttlSeconds: statement.integer(2)
                )
            )
        }
    }

    private func recoverAlarms(
        _ connection: Connection,
        _ recovery: inout some Recovery
    ) throws(SQLiteError) {
        let statement = try Statement(
            "SELECT tenant, member_id, kind FROM alarm ORDER BY tenant, member_id, kind",
            on: connection
        )
        while try statement.step() {
            let kind: Alarm.Kind = statement.text(2) == "NOSPACE" ? .noSpace : .corrupt
            let memberID = UInt64(bitPattern: statement.integer(1))
            recovery.alarm(
                TenantID(rawValue: statement.integer(0)),
                Alarm(kind, memberID: memberID)
            )
        }
    }

    /// - Returns: whether there are rows above their tenant's commit point, which were passed over.
    private func recoverRows(
        _ connection: Connection,
        _ points: [Int64: Int64],
        _ recovery: inout some Recovery
    ) throws(SQLiteError) -> Bool {
        var hasRowsAbove = false
        var tenant: Int64?
        var point: Int64 = 0
        let statement = try Statement(
            """
            SELECT row, tenant, mod_revision, sub, create_revision, version, lease, key,
                length(value)
            FROM kv ORDER BY row
            """,
            on: connection
        )
        while try statement.step() {
            let id = statement.integer(1)
            if id != tenant {
                guard let known = points[id] else {
                    throw SQLiteError.contradiction(
                        "row \(statement.integer(0)) belongs to tenant \(id), which is not there"
                    )
                }
                tenant = id
                point = known
            }
            let version = statement.version()
            if version.modRevision > point {
                hasRowsAbove = true
                continue
            }
            recovery.row(TenantID(rawValue: id), key: statement.blob(7), version: version)
        }
        return hasRowsAbove
    }
}

extension Statement {
    /// A version from the columns row, tenant, mod_revision, sub, create_revision, version, lease,
    /// key and length(value), in this order.
    func version() -> Version {
        Version(
            modRevision: self.integer(2),
            sub: UInt32(truncatingIfNeeded: self.integer(3)),
            valueSize: UInt32(truncatingIfNeeded: self.integer(8)),
            createRevision: self.integer(4),
            version: self.integer(5),
            lease: LeaseID(rawValue: self.integer(6)),
            row: RowID(rawValue: self.integer(0))
        )
    }
}
