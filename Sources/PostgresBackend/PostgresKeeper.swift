import ByreCore
import Postgres

/// Keeps an instance, and the leases of clients, alive, on a connection of its own; as the
/// housekeeper it deletes what nobody needs any more. Belongs to one thread.
///
/// The office of the housekeeper is a row with a time, not a lock of a session: it works through a
/// pooler, and an instance that stands still loses it. That two believe to hold it for a moment does
/// no harm, since all that it decides is decided under a tenant's lock.
final class PostgresKeeper: StoreKeeper {
    private let session: Session
    private let limits: PostgresLimits
    private let sql: StoreStatements
    private let homes: Homes
    /// The number of this process: ``PostgresBackend/instance``.
    private let process: PostgresValue
    private var pruneAt = ContinuousClock.now

    init(
        _ session: Session,
        _ limits: PostgresLimits,
        _ sql: StoreStatements,
        _ homes: Homes,
        process: Int64
    ) {
        self.session = session
        self.limits = limits
        self.sql = sql
        self.homes = homes
        self.process = .int8(process)
    }

    deinit {
        self.session.close()
    }

    func beat(_ me: InstanceRecord, readingFor: Int64?) throws(BackendError) -> Beat {
        let id = PostgresValue.int8(Int64(bitPattern: me.id))
        let results = try self.run { pipeline in
            pipeline.begin()
            pipeline.add(
                self.sql.beat,
                [
                    id, .text(me.name), .texts(me.clientURLs), self.process,
                    readingFor.map { .int8($0 / 1_000) } ?? .null,
                ]
            )
            pipeline.add(
                self.sql.takeOffice,
                [id, .int8(Int64(self.limits.housekeeperSeconds))]
            )
            pipeline.add(self.sql.addGap, [id, .int8(Int64(self.limits.heartbeatGapSeconds))])
            pipeline.add(self.sql.heartbeat, [id])
            pipeline.add(self.sql.overdue, [id, .int8(Int64(self.limits.overdueMax))])
            pipeline.add(self.sql.instances, [.int8(Int64(self.limits.instanceSeconds))])
            pipeline.commit()
        }
        var beat = Beat()
        beat.isHousekeeper = !results[2].isEmpty
        beat.overdue = results[5].map(ExpiringLease.init)
        beat.readingFor = results[6].compactMap { $0.isNull(3) ? nil : $0.int64(3) }.max()
        beat.instances = results[6].map { row in
            InstanceRecord(
                id: UInt64(bitPattern: row.int64(0)),
                name: row.text(1),
                clientURLs: row.texts(2)
            )
        }
        if beat.isHousekeeper, self.pruneAt <= ContinuousClock.now { try self.prune() }
        return beat
    }

    func renew(_ leases: [ExpiringLease]) throws(BackendError) -> [LeaseRenewal] {
        guard !leases.isEmpty else { return [] }
        let results = try self.run { pipeline in
            pipeline.add(
                self.sql.renew,
                Array(Set(leases)).columns + [.int8(Int64(self.limits.heartbeatGapSeconds))]
            )
        }
        var renewals: [ExpiringLease: LeaseRenewal] = [:]
        for row in results[0] {
            renewals[ExpiringLease(row)] =
                row.bool(3) ? .expired : .renewed(ttlSeconds: row.int64(2))
        }
        return leases.map { renewals[$0] ?? .notFound }
    }

    func leave(_ me: InstanceRecord) throws(BackendError) {
        _ = try self.run { pipeline in
            for statement in self.sql.leave {
                pipeline.add(statement, [.int8(Int64(bitPattern: me.id)), self.process])
            }
        }
    }

    /// Runs statements that may be run twice.
    private func run(
        _ body: (inout Pipeline) -> Void
    ) throws(BackendError) -> [PostgresResult] {
        try self.session.run { connection throws(PostgresError) in
            do throws(PostgresError) {
                return try connection.pipeline(body)
            } catch {
                PostgresBackend.rollBack(connection)
                throw error
            }
        }
    }

    // MARK: What nobody needs any more

    /// Most rows of an import that did not end that are deleted at once.
    private static let importedRowsMax = 5_000
    /// How long traces of instances that are gone are kept.
    private static let goneSeconds: Int64 = 86_400

    private func prune() throws(BackendError) {
        _ = try self.run { pipeline in
            pipeline.add(self.sql.pruneChanges, [.int8(Int64(self.limits.changesKeptSeconds))])
        }
        _ = try self.run { pipeline in
            for statement in self.sql.pruneInstances {
                pipeline.add(statement, [.int8(Self.goneSeconds)])
            }
        }
        // The next beat goes on with an import whose rows are not all deleted.
        if try self.pruneImport() { return }
        self.pruneAt = ContinuousClock.now + .seconds(self.limits.pruneSeconds)
    }

    /// Deletes a slice of what an import left that did not end.
    /// - Returns: whether there is more to do.
    private func pruneImport() throws(BackendError) -> Bool {
        try self.session.run { connection throws(PostgresError) in
            do throws(PostgresError) {
                let locked = try connection.pipeline { pipeline in
                    pipeline.begin()
                    pipeline.add(
                        self.sql.lockStaleImport,
                        [
                            .int8(Int64(self.limits.importSeconds)),
                            .int8(Int64(self.limits.instanceSeconds)),
                        ]
                    )
                }
                guard let id = locked[1].first?.int64(0) else {
                    PostgresBackend.rollBack(connection)
                    return false
                }
                let tenant = TenantID(rawValue: id)
                try connection.query(self.sql.giveUpImport, [.int8(id), self.process])
                let deleted = try connection.query(
                    self.homes.sql(of: tenant).deleteRowsAboveSlice,
                    [.int8(id), .int8(Int64(Self.importedRowsMax))]
                )
                try connection.pipeline { pipeline in
                    if deleted.affectedRows < Self.importedRowsMax {
                        self.homes.sql(of: tenant).deleteRowsAbove(tenant, on: &pipeline)
                        pipeline.add(self.sql.endImport, [.int8(id)])
                    }
                    pipeline.commit()
                }
                return true
            } catch {
                PostgresBackend.rollBack(connection)
                throw error
            }
        }
    }
}
