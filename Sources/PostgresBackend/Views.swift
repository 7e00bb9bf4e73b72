import ByreCore

/// The views through which people read a store: the same names and columns as in SQLite, with JSON
/// as `jsonb`.
///
/// Not a part of the schema's versions: they hold nothing, so each start makes those anew that are
/// not as this program has them.
///
/// Whoever may read the tables sees every tenant in them; whoever was made a reader of a tenant
/// (``SQLReader``) sees that tenant. They are security barriers: a condition of a reader's own is
/// asked only of rows that the reader may see.
///
/// PostgreSQL: <https://www.postgresql.org/docs/15/rules-privileges.html>
enum Views {
    /// A view, and what is said about it to people.
    struct View {
        var name: String
        var comment: String
        var query: String
    }

    /// The view of tenants that the others stand on, and that is not for readers.
    static let seenTenant = "seen_tenant"

    /// In the order in which they need one another.
    static let all: [View] = [
        View(
            name: Self.seenTenant,
            comment: "tenants that the present role may see",
            query: Self.tenants
        ),
        View(
            name: "key_history",
            comment: "every version of every key that is not compacted away",
            query: Self.keys(
                Self.allRows,
                columns: """
                    tenant, key, mod_revision, sub, create_revision, version,
                    CASE version WHEN 0 THEN 'delete' WHEN 1 THEN 'create' ELSE 'update' END
                        AS change,
                    changed_at, lease, value_size
                    """
            )
        ),
        View(
            name: "live_key",
            comment: "keys as they are now",
            query: Self.keys(
                Self.liveRows,
                columns: """
                    tenant, key, mod_revision, create_revision, version, changed_at, lease,
                    value_size
                    """
            )
        ),
        View(
            name: "tenant_usage",
            comment: "what each tenant uses, beside its limits",
            query: Self.tenantUsage
        ),
        View(
            name: "largest_prefix",
            comment: "how much is below each prefix of keys now",
            query: Self.largestPrefix
        ),
        View(
            name: "busiest_prefix",
            comment: "how often what is below each prefix was changed, as far as not compacted",
            query: Self.busiestPrefix
        ),
        View(
            name: "write_rate",
            comment: "what each tenant wrote in the last minute, as far as not compacted",
            query: Self.writeRate
        ),
        View(
            name: "lease_usage",
            comment: "leases, and how many keys each holds",
            query: Self.leaseUsage
        ),
    ]

    /// Those that readers get.
    static var forReaders: [String] { Self.all.map(\.name).filter { $0 != Self.seenTenant } }

    /// A tenant's rows are those from `first_row` to before `next_row`; the primary key finds them.
    private static let tenants = """
        SELECT id, name, state, revision, compact_revision, erasing_since, max_keys, quota_bytes,
            max_leases, id << \(RowID.tenantBits) AS first_row,
            (id + 1) << \(RowID.tenantBits) AS next_row
        FROM tenant
        WHERE home IS NULL AND ((SELECT has_table_privilege(current_user, 'tenant'::regclass, 'SELECT'))
            OR id IN (
                SELECT sql_reader.tenant FROM sql_reader
                JOIN pg_catalog.pg_roles ON pg_roles.rolname = sql_reader.role
                WHERE pg_has_role(current_user, pg_roles.oid, 'USAGE')))
        """

    /// Bytes are counted as the quota counts them: 64 for each version beside its key and value,
    /// and 20,480 for the tenant.
    private static let tenantUsage = """
        SELECT t.name AS tenant, t.state, t.revision, t.compact_revision,
            held.keys, t.max_keys, held.versions, 20480 + held.bytes AS used_bytes, t.quota_bytes,
            round(100.0 * (20480 + held.bytes) / t.quota_bytes, 1) AS used_percent,
            held.live_bytes,
            (SELECT count(*) FROM lease WHERE lease.tenant = t.id) AS leases, t.max_leases,
            (SELECT string_agg(DISTINCT kind, ',') FROM alarm WHERE alarm.tenant = t.id) AS alarms
        FROM seen_tenant t CROSS JOIN LATERAL (
            SELECT count(*) AS versions, coalesce(sum(bytes), 0)::bigint AS bytes,
                count(*) FILTER (WHERE is_live) AS keys,
                coalesce(sum(bytes) FILTER (WHERE is_live), 0)::bigint AS live_bytes
            FROM (
                SELECT length(kv.key) + length(kv.value) + 64 AS bytes,
                    kv.version > 0 AND latest.row IS NOT NULL AS is_live
                FROM kv LEFT JOIN (
                    SELECT max(row) AS row FROM kv
                    WHERE row >= t.first_row AND row < t.next_row GROUP BY key) AS latest
                    ON latest.row = kv.row
                WHERE kv.row >= t.first_row AND kv.row < t.next_row) AS version) AS held
        """

    private static let largestPrefix = """
        SELECT tenant, prefix, count(*) AS keys,
            sum(octet_length(key) + value_size)::bigint AS bytes, max(value_size) AS largest_value
        FROM live_key GROUP BY tenant, prefix
        """

    private static let busiestPrefix = """
        SELECT tenant, prefix, count(*) AS changes,
            count(*) FILTER (WHERE change = 'create') AS creates,
            count(*) FILTER (WHERE change = 'update') AS updates,
            count(*) FILTER (WHERE change = 'delete') AS deletes,
            sum(value_size)::bigint AS bytes, min(mod_revision) AS first_revision,
            max(mod_revision) AS last_revision
        FROM key_history GROUP BY tenant, prefix
        """

    /// A transaction is one write however many keys it changes. At most one time is noted in a second, so
    /// the newest few are all that can be of the last minute.
    private static let writeRate = """
        SELECT t.name AS tenant, recent.writes AS writes_last_minute,
            round(recent.writes / 60.0, 2) AS writes_per_second, recent.bytes AS bytes_last_minute
        FROM seen_tenant t CROSS JOIN LATERAL (
            SELECT count(DISTINCT mod_revision) AS writes,
                coalesce(sum(length(key) + length(value)), 0)::bigint AS bytes
            FROM kv WHERE row < t.next_row AND mod_revision <= t.revision AND row >= (
                SELECT min(newest.row) FROM (
                    SELECT c.row, c.at FROM commit_time AS c
                    WHERE c.row >= t.first_row AND c.row < t.next_row
                    ORDER BY c.row DESC LIMIT 61) AS newest
                WHERE newest.at > clock_timestamp() - interval '60 s')) AS recent
        """

    private static let leaseUsage = """
        SELECT t.name AS tenant, to_hex(lease.id) AS lease, lease.ttl_seconds,
            count(live.key) AS keys, min(as_text(live.key) COLLATE "C") AS first_key,
            lease.expires_at
        FROM seen_tenant t JOIN lease ON lease.tenant = t.id
        LEFT JOIN LATERAL (
            \(Self.liveRows) AND kv.lease <> 0) AS live ON live.lease = lease.id
        GROUP BY t.id, t.name, lease.id, lease.ttl_seconds, lease.expires_at
        """
}
