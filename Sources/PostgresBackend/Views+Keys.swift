import ByreCore

extension Views {
    /// The query of a view of keys, with all that can be read from a key and its value.
    ///
    /// Keys of Kubernetes are `/registry/[group/]resource/[namespace/]name`. A group has a dot and
    /// a resource has none; `services` alone takes two parts, which a `~` joins for the while.
    ///
    /// Values of Kubernetes in protobuf begin with `k8s` and a zero byte; then comes a message
    /// whose field 1 holds the API version as its field 1 and the kind as its field 2, each with a
    /// length of one byte:
    ///
    ///     6b 38 73 00  0a LL  0a LL apiVersion  12 LL kind ...
    ///
    /// Values in JSON say the same by name.
    ///
    /// Each step is a subquery with `OFFSET 0`, so that what it computes is computed once, and only
    /// if somebody asks for it.
    /// - Parameters:
    ///   - rows: a query of `kv` for the tenant `t`.
    ///   - columns: those that come first.
    static func keys(_ rows: String, columns: String) -> String {
        """
        SELECT \(columns),
            CASE WHEN depth BETWEEN 1 AND 2 THEN rtrim(api_group, '/') END AS api_group,
            CASE WHEN depth BETWEEN 1 AND 2 THEN replace(split_part(rest, '/', 1), '~', '/') END
                AS resource,
            CASE depth WHEN 2 THEN split_part(rest, '/', 2) END AS namespace,
            CASE depth WHEN 1 THEN split_part(rest, '/', 2) WHEN 2 THEN split_part(rest, '/', 3) END
                AS name,
            CASE WHEN depth BETWEEN 1 AND 2 THEN '/registry/' || api_group
                    || replace(split_part(rest, '/', 1), '~', '/') || '/'
                WHEN strpos(substr(key, 2), '/') > 0
                    THEN substr(key, 1, strpos(substr(key, 2), '/') + 1)
                ELSE key END AS prefix,
            CASE WHEN is_protobuf THEN as_text(substring(head FROM 9 FOR version_size))
                ELSE json ->> 'apiVersion' END AS api_version,
            CASE WHEN is_protobuf THEN as_text(substring(head FROM 11 + version_size FOR
                    CASE WHEN length(head) > 9 + version_size
                        THEN get_byte(head, 9 + version_size) ELSE 0 END))
                ELSE json ->> 'kind' END AS kind,
            json, value, row
        FROM (
            SELECT t.name AS tenant, text.key, kv.mod_revision, kv.sub, kv.create_revision,
                kv.version, kv.lease, length(kv.value) AS value_size, kv.value, kv.row,
                dated.changed_at, parts.api_group, place.rest, place.depth, envelope.is_protobuf,
                document.json, envelope.head,
                CASE WHEN envelope.is_protobuf AND length(envelope.head) > 7
                    THEN get_byte(envelope.head, 7) ELSE 0 END AS version_size
            FROM seen_tenant AS t
            CROSS JOIN LATERAL (
                \(rows) OFFSET 0) AS kv
            CROSS JOIN LATERAL (
                SELECT (SELECT at FROM commit_time AS c
                    WHERE c.row >= t.first_row AND c.row <= kv.row
                    ORDER BY c.row DESC LIMIT 1) AS changed_at OFFSET 0) AS dated
            CROSS JOIN LATERAL (SELECT as_text(kv.key) AS key OFFSET 0) AS text
            CROSS JOIN LATERAL (
                SELECT CASE WHEN starts_with(text.key, '/registry/')
                    THEN regexp_replace(substr(text.key, 11), '^services/(specs|endpoints)/',
                        'services~\\1/') END AS below OFFSET 0) AS path
            CROSS JOIN LATERAL (
                SELECT coalesce(substring(path.below FROM '^[^/]*[.][^/]*/'), '') AS api_group
                OFFSET 0) AS parts
            CROSS JOIN LATERAL (
                SELECT substr(path.below, length(parts.api_group) + 1) AS rest,
                    length(path.below) - length(replace(path.below, '/', ''))
                        - (parts.api_group <> '')::int AS depth OFFSET 0) AS place
            CROSS JOIN LATERAL (
                SELECT substring(kv.value FROM 1 FOR \(Self.envelopeBytesMax)) AS head,
                    substring(kv.value FROM 1 FOR 5) = '\\x6b3873000a'
                        AND substring(kv.value FROM 7 FOR 1) = '\\x0a' AS is_protobuf
                OFFSET 0) AS envelope
            CROSS JOIN LATERAL (SELECT as_json(kv.value) AS json OFFSET 0) AS document
            WHERE t.erasing_since IS NULL) AS version
        """
    }

    /// Eight bytes, two texts of at most 255, and the two bytes between them.
    private static let envelopeBytesMax = 8 + 255 + 2 + 255

    /// All that is committed. The primary key finds it, so a reader of one tenant does not pass by
    /// the rows of others.
    static let allRows = """
        SELECT * FROM kv
                WHERE row >= t.first_row AND row < t.next_row AND mod_revision <= t.revision
        """

    /// The last version of each key, unless it is a deletion.
    static let liveRows = """
        SELECT kv.* FROM (
                    SELECT max(row) AS row FROM kv
                    WHERE row >= t.first_row AND row < t.next_row AND mod_revision <= t.revision
                    GROUP BY key) AS latest
                JOIN kv ON kv.row = latest.row WHERE kv.version > 0
        """
}
