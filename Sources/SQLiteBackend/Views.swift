import SQLite

/// The views through which people read a store.
///
/// Not a part of the schema's versions: they hold nothing, so each start makes those anew that are
/// not as this program has them.
enum Views {
    /// In the order in which they need one another.
    static let all: [(name: String, sql: String)] = [
        (name: "key_history", sql: Self.keyHistory),
        (name: "live_key", sql: Self.liveKey),
        (name: "tenant_usage", sql: Self.tenantUsage),
        (name: "largest_prefix", sql: Self.largestPrefix),
        (name: "busiest_prefix", sql: Self.busiestPrefix),
        (name: "write_rate", sql: Self.writeRate),
        (name: "lease_usage", sql: Self.leaseUsage),
    ]

    /// Every version that is not compacted away.
    ///
    /// Keys of Kubernetes are `/registry/[group/]resource/[namespace/]name`. A group has a dot and a
    /// resource has none; `services` alone takes two parts, which a `~` joins for the while.
    ///
    /// Values of Kubernetes in protobuf begin with `k8s` and a zero byte; then comes a message whose
    /// field 1 holds the API version as its field 1 and the kind as its field 2, each with a length
    /// of one byte:
    ///
    ///     6b 38 73 00  0a LL  0a LL apiVersion  12 LL kind ...
    ///
    /// Values in JSON say the same by name.
    private static let keyHistory = """
        CREATE VIEW key_history AS
        SELECT tenant, key, mod_revision, sub, create_revision, version,
            CASE version WHEN 0 THEN 'delete' WHEN 1 THEN 'create' ELSE 'update' END AS change,
            changed_at, lease, value_size,
            CASE WHEN depth BETWEEN 1 AND 2 THEN rtrim(api_group, '/') END AS api_group,
            CASE WHEN depth BETWEEN 1 AND 2
                THEN replace(substr(rest, 1, instr(rest, '/') - 1), '~', '/') END AS resource,
            CASE WHEN depth = 2 THEN substr(rest, instr(rest, '/') + 1,
                instr(substr(rest, instr(rest, '/') + 1), '/') - 1) END AS namespace,
            CASE depth WHEN 1 THEN substr(rest, instr(rest, '/') + 1)
                WHEN 2 THEN substr(rest, instr(rest, '/') + 1
                    + instr(substr(rest, instr(rest, '/') + 1), '/')) END AS name,
            CASE WHEN depth BETWEEN 1 AND 2
                THEN '/registry/' || api_group
                    || replace(substr(rest, 1, instr(rest, '/')), '~', '/')
                WHEN instr(substr(key, 2), '/') THEN substr(key, 1, instr(substr(key, 2), '/') + 1)
                ELSE key END AS prefix,
            CASE WHEN is_protobuf
                THEN CAST(substr(value, 9, unicode(CAST(substr(value, 8, 1) AS TEXT))) AS TEXT)
                WHEN is_json THEN json_extract(CAST(value AS TEXT), '$.apiVersion')
                END AS api_version,
            CASE WHEN is_protobuf
                THEN CAST(substr(value,
                    11 + unicode(CAST(substr(value, 8, 1) AS TEXT)),
                    unicode(CAST(substr(value,
                        10 + unicode(CAST(substr(value, 8, 1) AS TEXT)), 1) AS TEXT))) AS TEXT)
                WHEN is_json THEN json_extract(CAST(value AS TEXT), '$.kind') END AS kind,
            CASE WHEN is_json THEN json(CAST(value AS TEXT)) END AS json,
            value, row
        FROM (
            SELECT *, substr(below, length(api_group) + 1) AS rest,
                length(below) - length(replace(below, '/', '')) - (api_group <> '') AS depth
            FROM (
                SELECT *,
                    iif(below GLOB '*.*/*' AND instr(below, '.') < instr(below, '/'),
                        substr(below, 1, instr(below, '/')), '') AS api_group
                FROM (
                    SELECT tenant.name AS tenant, CAST(kv.key AS TEXT) AS key, kv.mod_revision,
                        kv.sub, kv.create_revision, kv.version, kv.lease,
                        length(kv.value) AS value_size, kv.value, kv.row,
                        \(CommitTimes.changedAt) AS changed_at,
                        CASE substr(kv.key, 1, 19) WHEN CAST('/registry/services/' AS BLOB)
                            THEN replace(replace(CAST(substr(kv.key, 11) AS TEXT),
                                'services/specs/', 'services~specs/'),
                                'services/endpoints/', 'services~endpoints/')
                            ELSE CASE WHEN substr(kv.key, 1, 10) = CAST('/registry/' AS BLOB)
                                THEN CAST(substr(kv.key, 11) AS TEXT) END END AS below,
                        substr(kv.value, 1, 5) = x'6b3873000a'
                            AND substr(kv.value, 7, 1) = x'0a' AS is_protobuf,
                        CASE WHEN substr(kv.value, 1, 1) = x'7b'
                            THEN json_valid(CAST(kv.value AS TEXT)) ELSE 0 END AS is_json
                    FROM kv JOIN tenant ON tenant.id = kv.tenant
                    WHERE kv.mod_revision <= tenant.revision
                        AND tenant.erasing_since IS NULL)))
        """

    private static let liveKey = """
        CREATE VIEW live_key AS
        SELECT tenant, key, mod_revision, create_revision, version, changed_at, lease, value_size,
            api_group, resource, namespace, name, prefix, api_version, kind, json, value, row
        FROM key_history
        WHERE version > 0 AND row IN (SELECT max(row) FROM kv GROUP BY tenant, key)
        """

    /// Bytes are counted as the quota counts them: 64 for each version beside its key and value, and
    /// 20,480 for the tenant.
    private static let tenantUsage = """
        CREATE VIEW tenant_usage AS
        SELECT tenant.name AS tenant, tenant.state, tenant.revision, tenant.compact_revision,
            coalesce(held.keys, 0) AS keys, tenant.max_keys, coalesce(held.versions, 0) AS versions,
            20480 + coalesce(held.bytes, 0) AS used_bytes, tenant.quota_bytes,
            round(100.0 * (20480 + coalesce(held.bytes, 0)) / tenant.quota_bytes, 1)
                AS used_percent,
            coalesce(held.live_bytes, 0) AS live_bytes,
            (SELECT count(*) FROM lease WHERE lease.tenant = tenant.id) AS leases,
            tenant.max_leases,
            (SELECT group_concat(DISTINCT kind) FROM alarm WHERE alarm.tenant = tenant.id) AS alarms
        FROM tenant LEFT JOIN (
            SELECT tenant, count(*) AS versions, sum(bytes) AS bytes, sum(is_live) AS keys,
                sum(is_live * bytes) AS live_bytes
            FROM (
                SELECT tenant, length(key) + length(value) + 64 AS bytes,
                    version > 0 AND row IN (SELECT max(row) FROM kv GROUP BY tenant, key) AS is_live
                FROM kv)
            GROUP BY tenant) AS held ON held.tenant = tenant.id
        WHERE tenant.home IS NULL
        """

    private static let largestPrefix = """
        CREATE VIEW largest_prefix AS
        SELECT tenant, prefix, count(*) AS keys,
            sum(length(CAST(key AS BLOB)) + value_size) AS bytes, max(value_size) AS largest_value
        FROM live_key GROUP BY tenant, prefix
        """

    /// What is compacted away is not counted.
    private static let busiestPrefix = """
        CREATE VIEW busiest_prefix AS
        SELECT tenant, prefix, count(*) AS changes, sum(change = 'create') AS creates,
            sum(change = 'update') AS updates, sum(change = 'delete') AS deletes,
            sum(value_size) AS bytes, min(mod_revision) AS first_revision,
            max(mod_revision) AS last_revision
        FROM key_history GROUP BY tenant, prefix
        """

    /// Of the last minute; what is compacted away already is not counted, and a transaction is one
    /// write however many keys it changes.
    private static let writeRate = """
        CREATE VIEW write_rate AS
        SELECT tenant.name AS tenant, coalesce(recent.writes, 0) AS writes_last_minute,
            round(coalesce(recent.writes, 0) / 60.0, 2) AS writes_per_second,
            coalesce(recent.bytes, 0) AS bytes_last_minute
        FROM tenant LEFT JOIN (
            SELECT tenant, count(DISTINCT mod_revision) AS writes,
                sum(length(key) + length(value)) AS bytes
            FROM kv
            WHERE row >= (SELECT min(row) FROM commit_time WHERE at > strftime('%s') - 60)
            GROUP BY tenant) AS recent ON recent.tenant = tenant.id
        WHERE tenant.home IS NULL
        """

    /// When a lease was renewed last is known to the running server alone, and a start gives every
    /// lease its full time anew; so a time before which it does not expire, unless it is revoked, is
    /// all that can be said.
    private static let leaseUsage = """
        CREATE VIEW lease_usage AS
        SELECT tenant.name AS tenant, printf('%x', lease.id) AS lease, lease.ttl_seconds,
            strftime('%Y-%m-%dT%H:%M:%SZ', lease.granted_at, 'unixepoch') AS granted_at,
            strftime('%Y-%m-%dT%H:%M:%SZ', lease.granted_at + lease.ttl_seconds, 'unixepoch')
                AS not_before,
            count(live.row) AS keys, min(CAST(live.key AS TEXT)) AS first_key
        FROM lease JOIN tenant ON tenant.id = lease.tenant
        LEFT JOIN (
            SELECT tenant, key, lease, row FROM kv
            WHERE version > 0 AND lease <> 0
                AND row IN (SELECT max(row) FROM kv GROUP BY tenant, key)) AS live
            ON live.tenant = lease.tenant AND live.lease = lease.id
        GROUP BY lease.tenant, lease.id
        """

    /// Makes the views that are missing or other than these, in one transaction.
    static func bringUpToDate(_ connection: Connection) throws(SQLiteError) {
        var present: [String: String] = [:]
        let statement = try Statement(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'view'",
            on: connection
        )
        while try statement.step() { present[statement.text(0)] = statement.text(1) }
        statement.reset()
        guard Self.all.contains(where: { present[$0.name] != $0.sql }) else { return }
        try connection.execute("BEGIN IMMEDIATE")
        do {
            for view in Self.all.reversed() {
                try connection.execute("DROP VIEW IF EXISTS \(view.name)")
            }
            for view in Self.all { try connection.execute(view.sql) }
            try connection.execute("COMMIT")
        } catch {
            // Whatever it answers, the first error is the one to tell.
            try? connection.execute("ROLLBACK")
            throw error
        }
    }
}
