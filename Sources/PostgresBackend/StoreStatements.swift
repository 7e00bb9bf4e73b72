import ByreCore
import Postgres

/// The statements of a store: those of requests, with the names of its schema in them.
///
/// `EXPLAIN`-ed: all of `kv` is reached through its primary key, all of `tenant` and `lease` through
/// theirs.
struct StoreStatements: Sendable {
    /// The schema, quoted, with a dot behind it.
    let s: String
    /// The schema that `kv` is in, the same way: another one for tenants with a home of their own.
    let k: String

    init(schema: String) {
        self.s = "\"\(schema)\"."
        self.k = self.s
    }

    /// - Parameter home: the schema that `kv` is in.
    init(_ sql: StoreStatements, home: String) {
        self.s = sql.s
        self.k = "\"\(home)\"."
    }

    // MARK: Beginning a transaction

    /// Notes which commit of an instance this is: tells later whether it happened, and, as the row
    /// stays locked, waits until that is decided.
    var token: PostgresStatement {
        .init(
            """
            INSERT INTO \(self.s)last_commit (instance, token, begun_at) VALUES ($1, $2, now())
            ON CONFLICT (instance) DO UPDATE SET token = excluded.token, begun_at = now()
            """
        )
    }

    /// Writes, so that its own COMMIT returns when all before it is where synchronous standbys keep
    /// it.
    var resolve: PostgresStatement {
        .init(
            """
            INSERT INTO \(self.s)last_commit (instance, token, begun_at) VALUES ($1, -1, now())
            ON CONFLICT (instance) DO UPDATE SET begun_at = now() RETURNING token
            """
        )
    }

    /// Keeps the transaction of the instance $1 with the token before $2 from noting it any more, if it
    /// has not: its statements may still be on their way. If it has, nothing changes, so that whoever
    /// asks again finds it.
    var fence: PostgresStatement {
        .init(
            """
            UPDATE \(self.s)last_commit SET token = $2 WHERE instance = $1 AND token < $2 - 1
            """
        )
    }

    /// Columns of a `TenantRecord`, with which rows of `tenant` begin.
    static let recordColumns = """
        id, revision, compact_revision, sequence, last_row, allocated_bytes, cluster_id, member_id
        """

    /// Columns of a ``StoredTenant``'s counters, and what a writer has to know.
    static let lockedColumns = """
        \(Self.recordColumns),
        changes_since, importer, erasing_since IS NOT NULL
        """

    var lockTenants: PostgresStatement {
        .init(
            """
            SELECT \(Self.lockedColumns) FROM \(self.s)tenant WHERE id = ANY ($1)
            ORDER BY id FOR NO KEY UPDATE
            """
        )
    }

    var readTenants: PostgresStatement {
        .init("SELECT \(Self.lockedColumns) FROM \(self.s)tenant WHERE id = ANY ($1) ORDER BY id")
    }

    // MARK: Writing a batch

    // Arrays are taken apart in the target list, side by side: as a table, each of them is first copied
    // into a store of tuples, which is half of what a row costs.

    var insertRows: PostgresStatement {
        .init(
            """
            INSERT INTO \(self.k)kv (row, tenant, mod_revision, sub, create_revision, version, lease,
                key, value)
            SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bigint[]),
                unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::bigint[]),
                unnest($7::bigint[]), unnest($8::bytea[]), unnest($9::bytea[])
            """
        )
    }

    var updateTenants: PostgresStatement {
        .init(
            """
            UPDATE \(self.s)tenant AS t SET \(Self.newPoint)
            FROM (SELECT unnest($1::bigint[]) AS id, \(Self.points(from: 2))) AS u
            WHERE t.id = u.id
            """
        )
    }

    /// What a commit changes of a tenant's row.
    private static let newPoint = """
        revision = u.revision, compact_revision = u.compact_revision, sequence = u.sequence,
            allocated_bytes = u.allocated_bytes, last_row = greatest(t.last_row, u.last_row)
        """

    /// The columns of ``newPoint`` from the parameters from $`first` on.
    private static func points(from first: Int) -> String {
        ["revision", "compact_revision", "sequence", "allocated_bytes", "last_row"].enumerated()
            .map { "unnest($\(first + $0)::bigint[]) AS \($1)" }.joined(separator: ", ")
    }

    /// ``token`` and ``updateTenants`` in one, for tenants that nobody has locked: an error, if one of
    /// them has not the sequence $9 any more, or a later token is noted.
    ///
    /// Writes tenants in the order in which they are given.
    var updateUnchanged: PostgresStatement {
        .init(
            """
            WITH noted AS (
                INSERT INTO \(self.s)last_commit (instance, token, begun_at)
                VALUES ($1, $2, now())
                ON CONFLICT (instance) DO UPDATE SET token = excluded.token, begun_at = now()
                    WHERE last_commit.token < excluded.token
                RETURNING 1),
            written AS (
                UPDATE \(self.s)tenant AS t SET \(Self.newPoint)
                FROM (SELECT unnest($3::bigint[]) AS id, \(Self.points(from: 4)),
                    unnest($9::bigint[]) AS basis) AS u
                WHERE t.id = u.id AND t.sequence = u.basis AND t.erasing_since IS NULL
                RETURNING 1)
            SELECT \(
                Self.unless(
                    """
                    (SELECT count(*) FROM noted) = 1
                        AND (SELECT count(*) FROM written) = cardinality($3)
                    """
                )
            )
            """
        )
    }

    /// An error, if one of the tenants $1 has not the sequence $2 any more.
    var areUnchanged: PostgresStatement {
        .init(
            """
            SELECT \(Self.unless("count(*) = cardinality($1)"))
            FROM unnest($1::bigint[], $2::bigint[]) AS u (id, sequence)
            JOIN \(self.s)tenant AS t ON t.id = u.id AND t.sequence = u.sequence
                AND t.erasing_since IS NULL
            """
        )
    }

    /// An error that says in the server's log what it is about, unless `condition` holds: the rest of
    /// the pipeline is not executed then.
    private static func unless(_ condition: String) -> String {
        """
        (CASE WHEN \(condition) THEN '0'
            ELSE 'another instance of Byre was first; this one begins anew' END)::bigint
        """
    }

    /// The state of that error: the text is not a number.
    static let changedState = "22P02"

    var grant: PostgresStatement {
        .init(
            """
            INSERT INTO \(self.s)lease (tenant, id, ttl_seconds, expires_at)
            SELECT tenant, id, ttl, \(Self.expiry("ttl"))
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u (tenant, id, ttl)
            ON CONFLICT (tenant, id) DO UPDATE
                SET ttl_seconds = excluded.ttl_seconds, expires_at = excluded.expires_at
            """
        )
    }

    /// When a lease is over that is granted or renewed now.
    static func expiry(_ ttl: String) -> String {
        "clock_timestamp() + make_interval(secs => least(\(ttl), \(Self.leaseSecondsMax)))"
    }

    /// etcd's greatest time to live, which is more than a date of PostgreSQL needs to bear.
    static let leaseSecondsMax: Int64 = 9_000_000_000

    var revoke: PostgresStatement {
        .init(
            """
            DELETE FROM \(self.s)lease USING unnest($1::bigint[], $2::bigint[]) AS u (tenant, id)
            WHERE lease.tenant = u.tenant AND lease.id = u.id
            """
        )
    }

    var raise: PostgresStatement {
        .init(
            """
            INSERT INTO \(self.s)alarm (tenant, member_id, kind) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING
            """
        )
    }

    var clear: PostgresStatement {
        .init("DELETE FROM \(self.s)alarm WHERE tenant = $1 AND member_id = $2 AND kind = $3")
    }

    var insertChanges: PostgresStatement {
        .init(
            """
            INSERT INTO \(self.s)change (tenant, sequence, n, kind, subject, ttl_seconds, alarm)
            SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[],
                $5::bigint[], $6::bigint[], $7::text[])
            """
        )
    }

    /// Deletes rows, and the times that had no others.
    func delete(_ rows: [RowID], of tenant: TenantID, on pipeline: inout Pipeline) {
        let parameters: [PostgresValue] = [.int8(tenant.rawValue), .int8s(rows.map(\.rawValue))]
        pipeline.add(self.deleteRows, parameters)
        pipeline.add(self.forgetTimes, parameters)
    }

    private var deleteRows: PostgresStatement {
        .init("DELETE FROM \(self.k)kv WHERE row = ANY ($2) AND tenant = $1")
    }

    var notify: PostgresStatement { "SELECT pg_notify($1, $2)" }

    // MARK: Imports

    /// Whether an import said something $1 seconds ago at most and its process is that of an instance
    /// that did so within $2 seconds.
    private var lives: String {
        """
        t.erasing_since IS NULL
            AND t.imported_at > clock_timestamp() - make_interval(secs => $1)
            AND EXISTS (SELECT FROM \(self.s)instance AS i WHERE i.process = t.importer
                AND i.beat_at > clock_timestamp() - make_interval(secs => $2))
        """
    }

    /// Whether somebody imports into the tenant $3.
    var importLives: PostgresStatement {
        .init("SELECT \(self.lives) FROM \(self.s)tenant AS t WHERE t.id = $3")
    }

    /// Locks a tenant whose import did not end and does not live.
    var lockStaleImport: PostgresStatement {
        .init(
            """
            SELECT id FROM \(self.s)tenant AS t
            WHERE t.importer IS NOT NULL AND NOT (\(self.lives))
            ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
            """
        )
    }

    /// Ends an import whose rows are being deleted: who goes on with it finds the tenant changed. Others
    /// can import at once, and the housekeeper looks for what is left.
    var giveUpImport: PostgresStatement {
        .init(
            """
            UPDATE \(self.s)tenant SET imported_at = '-infinity', importer = $2,
                sequence = sequence + 1
            WHERE id = $1 AND erasing_since IS NULL
            """
        )
    }

    var beginImport: PostgresStatement {
        .init(
            """
            UPDATE \(self.s)tenant SET importer = $2, imported_at = clock_timestamp() WHERE id = $1
            """
        )
    }

    var endImport: PostgresStatement {
        .init("UPDATE \(self.s)tenant SET importer = NULL, imported_at = NULL WHERE id = $1")
    }

    /// Deletes what is above a tenant's commit point, and so does not exist, and its times.
    func deleteRowsAbove(_ tenant: TenantID, on pipeline: inout Pipeline) {
        let id = PostgresValue.int8(tenant.rawValue)
        pipeline.add(self.deleteRowsAbove, [id])
        let rows = RowID.first(of: tenant).rawValue
        let last = RowID.first(of: TenantID(rawValue: tenant.rawValue + 1)).rawValue - 1
        pipeline.add(self.forgetTimesWithin, [id, .int8(rows), .int8(last)])
    }

    private var deleteRowsAbove: PostgresStatement {
        .init(
            """
            DELETE FROM \(self.k)kv USING \(self.s)tenant AS t
            WHERE t.id = $1 AND kv.row BETWEEN $1 << \(RowID.tenantBits)
                AND ($1 + 1) << \(RowID.tenantBits) AND kv.mod_revision > t.revision
            """
        )
    }

    // MARK: Reading

    /// Columns of a version, in the order that ``PostgresRow/version()`` takes.
    static let versionColumns = """
        row, tenant, mod_revision, sub, create_revision, version, lease, key,
        octet_length(value)
        """

    var values: PostgresStatement {
        .init(
            "SELECT row, value FROM \(self.k)kv WHERE row = ANY ($2) AND tenant = $1 ORDER BY row"
        )
    }

    var scan: PostgresStatement {
        .init(
            """
            SELECT \(Self.versionColumns), value FROM \(self.k)kv
            WHERE row BETWEEN $2 AND $3 AND tenant = $1 ORDER BY row
            """
        )
    }

    var allRows: PostgresStatement {
        .init("SELECT \(Self.versionColumns) FROM \(self.k)kv ORDER BY row")
    }

    var leases: PostgresStatement {
        .init("SELECT tenant, id, ttl_seconds FROM \(self.s)lease ORDER BY tenant, id")
    }

    var alarms: PostgresStatement {
        .init(
            "SELECT tenant, member_id, kind FROM \(self.s)alarm ORDER BY tenant, member_id, kind"
        )
    }
}
