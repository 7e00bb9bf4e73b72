import ByreCore
import Postgres

extension StoreStatements {
    // MARK: What others committed

    /// Makes the transaction that has just begun see one moment.
    var snapshot: PostgresStatement { "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY" }

    /// Rows of tenants whose sequence is beyond their cursor, all together at most $4 rows; values up
    /// to $5 bytes, and NULL for what comes after.
    var newRows: PostgresStatement {
        .init(
            """
            SELECT \(Self.cutColumns), CASE WHEN before < $5 THEN value END FROM (
                SELECT *, sum(size) OVER (ORDER BY row) - size AS before FROM (
                    SELECT k.* FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
                        AS c (tenant, sequence, last_row)
                    JOIN \(self.s)tenant AS t ON t.id = c.tenant AND t.sequence > c.sequence
                    CROSS JOIN LATERAL (
                        SELECT \(Self.versionColumns) AS size, value FROM \(self.k)kv
                        WHERE row > greatest(c.last_row, c.tenant << \(RowID.tenantBits))
                            AND row < (c.tenant + 1) << \(RowID.tenantBits)
                            AND mod_revision <= t.revision
                        ORDER BY row LIMIT $4) AS k
                    ORDER BY k.row LIMIT $4) AS limited) AS measured
            ORDER BY row
            """
        )
    }

    private static let cutColumns = """
        row, tenant, mod_revision, sub, create_revision, version, lease, key, size
        """

    /// A tenant's rows after $2, up to the revision $3.
    var revisionRows: PostgresStatement {
        .init(
            """
            SELECT \(Self.versionColumns), value FROM \(self.k)kv
            WHERE row > greatest($2, $1 << \(RowID.tenantBits))
                AND row < ($1 + 1) << \(RowID.tenantBits) AND mod_revision <= $3
            ORDER BY row
            """
        )
    }

    var newChanges: PostgresStatement {
        .init(
            """
            SELECT h.tenant, h.kind, h.subject, h.ttl_seconds, h.alarm
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
                AS c (tenant, sequence, change_sequence)
            JOIN \(self.s)tenant AS t ON t.id = c.tenant AND t.sequence > c.sequence
                AND t.changes_since <= c.change_sequence
            CROSS JOIN LATERAL (
                SELECT * FROM \(self.s)change
                WHERE tenant = c.tenant AND sequence > c.change_sequence
                ORDER BY sequence, n) AS h
            ORDER BY h.tenant, h.sequence, h.n
            """
        )
    }

    var tenantLeases: PostgresStatement {
        .init("SELECT id, ttl_seconds FROM \(self.s)lease WHERE tenant = $1 ORDER BY id")
    }

    var tenantAlarms: PostgresStatement {
        .init("SELECT member_id, kind FROM \(self.s)alarm WHERE tenant = $1 ORDER BY 1, 2")
    }

    var lockStore: PostgresStatement {
        .init("SELECT 1 FROM \(self.s)store FOR NO KEY UPDATE")
    }

    var sequences: PostgresStatement {
        .init("SELECT id, sequence FROM \(self.s)tenant WHERE id = ANY ($1)")
    }

    /// All tenants' sequences, and the registry's version as that of number 0.
    var allSequences: PostgresStatement {
        .init(
            """
            SELECT id, sequence FROM \(self.s)tenant
            UNION ALL SELECT 0, registry_version FROM \(self.s)store
            """
        )
    }

    // MARK: Leases

    /// Whether the heartbeat is fresh; if not, there may be time to be added to leases.
    private func isFresh(_ gapSeconds: String) -> String {
        "h.heartbeat > clock_timestamp() - make_interval(secs => \(gapSeconds))"
    }

    /// Those of some leases that are over, locked: renewals wait, and find them gone.
    var lockExpired: PostgresStatement {
        .init(
            """
            SELECT l.tenant, l.id FROM unnest($1::bigint[], $2::bigint[]) AS u (tenant, id)
            JOIN \(self.s)lease AS l ON l.tenant = u.tenant AND l.id = u.id
            CROSS JOIN \(self.s)housekeeping AS h
            WHERE l.expires_at <= clock_timestamp() AND \(self.isFresh("$3"))
            ORDER BY l.tenant, l.id FOR UPDATE OF l
            """
        )
    }

    /// Renews those of some leases that are not over.
    var renew: PostgresStatement {
        .init(
            """
            WITH l AS (
                SELECT l.tenant, l.id, l.ttl_seconds,
                    l.expires_at <= clock_timestamp() AND \(self.isFresh("$3")) AS is_over
                FROM unnest($1::bigint[], $2::bigint[]) AS u (tenant, id)
                JOIN \(self.s)lease AS l ON l.tenant = u.tenant AND l.id = u.id
                CROSS JOIN \(self.s)housekeeping AS h
                ORDER BY l.tenant, l.id FOR UPDATE OF l),
            renewed AS (
                UPDATE \(self.s)lease AS x SET expires_at = \(Self.expiry("x.ttl_seconds"))
                FROM l WHERE x.tenant = l.tenant AND x.id = l.id AND NOT l.is_over)
            SELECT tenant, id, ttl_seconds, is_over FROM l
            """
        )
    }

    /// Nanoseconds that leases have left.
    var remaining: PostgresStatement {
        .init(
            """
            SELECT l.tenant, l.id,
                (extract(epoch FROM l.expires_at - clock_timestamp()) * 1e9)::bigint
            FROM unnest($1::bigint[], $2::bigint[]) AS u (tenant, id)
            JOIN \(self.s)lease AS l ON l.tenant = u.tenant AND l.id = u.id
            """
        )
    }

    // MARK: Instances and their housekeeper

    var beat: PostgresStatement {
        .init(
            """
            INSERT INTO \(self.s)instance AS i (id, name, client_urls, process, reading_since)
            VALUES ($1, $2, $3, $4, clock_timestamp() - $5::bigint * interval '1 us')
            ON CONFLICT (id) DO UPDATE SET name = excluded.name,
                client_urls = excluded.client_urls, beat_at = clock_timestamp(),
                process = excluded.process, reading_since = excluded.reading_since, started_at = CASE WHEN i.process = excluded.process
                    THEN i.started_at ELSE clock_timestamp() END
            """
        )
    }

    /// Takes or keeps the office; answers whether it is held.
    var takeOffice: PostgresStatement {
        .init(
            """
            UPDATE \(self.s)housekeeping SET housekeeper = $1,
                housekeeper_until = clock_timestamp() + make_interval(secs => $2)
            WHERE housekeeper = $1 OR housekeeper_until < clock_timestamp()
            RETURNING 1
            """
        )
    }

    /// As the housekeeper: adds a gap in the heartbeat to every lease, once.
    var addGap: PostgresStatement {
        .init(
            """
            WITH gap AS (
                SELECT clock_timestamp() - heartbeat AS length FROM \(self.s)housekeeping
                WHERE housekeeper = $1
                    AND heartbeat < clock_timestamp() - make_interval(secs => $2)),
            l AS (
                SELECT l.tenant, l.id, gap.length FROM \(self.s)lease AS l CROSS JOIN gap
                ORDER BY l.tenant, l.id FOR UPDATE OF l)
            UPDATE \(self.s)lease AS x SET expires_at = x.expires_at + l.length
            FROM l WHERE x.tenant = l.tenant AND x.id = l.id
            """
        )
    }

    var heartbeat: PostgresStatement {
        .init(
            """
            UPDATE \(self.s)housekeeping SET heartbeat = clock_timestamp() WHERE housekeeper = $1
            """
        )
    }

    var instances: PostgresStatement {
        .init(
            """
            SELECT id, name, client_urls,
                (extract(epoch FROM clock_timestamp() - reading_since) * 1e9)::bigint
            FROM \(self.s)instance
            WHERE beat_at > clock_timestamp() - make_interval(secs => $1) ORDER BY id
            """
        )
    }

    /// For the housekeeper: leases that are over.
    var overdue: PostgresStatement {
        .init(
            """
            SELECT l.tenant, l.id FROM \(self.s)lease AS l
            JOIN \(self.s)tenant AS t ON t.id = l.tenant
            CROSS JOIN \(self.s)housekeeping AS h
            WHERE l.expires_at <= clock_timestamp() AND h.housekeeper = $1
                AND t.state = 'active' AND t.erasing_since IS NULL
            ORDER BY l.tenant, l.id LIMIT $2
            """
        )
    }

    /// What the instance's next process has taken over already, it keeps.
    var leave: [PostgresStatement] {
        [
            .init(
                """
                UPDATE \(self.s)housekeeping SET housekeeper = 0, housekeeper_until = '-infinity'
                WHERE housekeeper = $1 AND EXISTS (
                    SELECT FROM \(self.s)instance WHERE id = $1 AND process = $2)
                """
            ),
            .init("DELETE FROM \(self.s)instance WHERE id = $1 AND process = $2"),
        ]
    }

    // MARK: Pruning

    /// Deletes changes older than $1 seconds, and notes up to where.
    var pruneChanges: PostgresStatement {
        .init(
            """
            WITH old AS (
                DELETE FROM \(self.s)change
                WHERE committed_at < clock_timestamp() - make_interval(secs => $1)
                RETURNING tenant, sequence),
            pruned AS (SELECT tenant, max(sequence) AS sequence FROM old GROUP BY tenant),
            locked AS (
                SELECT id FROM \(self.s)tenant WHERE id IN (SELECT tenant FROM pruned)
                ORDER BY id FOR NO KEY UPDATE)
            UPDATE \(self.s)tenant AS t SET changes_since = pruned.sequence
            FROM pruned JOIN locked ON locked.id = pruned.tenant
            WHERE t.id = pruned.tenant AND t.changes_since < pruned.sequence
            """
        )
    }

    /// Deletes traces of instances that are gone for $1 seconds.
    var pruneInstances: [PostgresStatement] {
        [
            .init(
                """
                DELETE FROM \(self.s)instance
                WHERE beat_at < clock_timestamp() - make_interval(secs => $1)
                """
            ),
            .init(
                """
                DELETE FROM \(self.s)last_commit
                WHERE begun_at < clock_timestamp() - make_interval(secs => $1)
                """
            ),
        ]
    }

    /// Deletes up to $2 rows above the commit point of a tenant.
    var deleteRowsAboveSlice: PostgresStatement {
        .init(
            """
            DELETE FROM \(self.k)kv WHERE row IN (
                SELECT kv.row FROM \(self.k)kv JOIN \(self.s)tenant AS t ON t.id = $1
                WHERE kv.row BETWEEN $1 << \(RowID.tenantBits)
                    AND ($1 + 1) << \(RowID.tenantBits) AND kv.mod_revision > t.revision
                LIMIT $2)
            """
        )
    }
}
