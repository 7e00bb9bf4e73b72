import ByreCore

/// The tables, and how an older store becomes a present one.
///
/// The SQL is for people too: control state is columns with constraints. A store is a schema, and
/// its tables have the same names in each.
///
/// - `tenant`: a row is the lock and the commit point of its tenant. Each commit writes it, in place
///   (HOT): none of the columns that commits write is in an index, and pages have room.
/// - `kv`: one row per version of a key. `row` holds the tenant's number in its upper bits and counts
///   up within it, so that a reader that knows a row, one that follows a tenant's rows, and recovery
///   use the one index that there is.
/// - `commit_time`: when rows of `kv` were committed, for people; see ``CommitTimes``.
/// - `change`: grants, revocations and alarms in the order of the tenant's sequence, for instances
///   that follow; pruned in time.
package enum Schema {
    /// What brings a store from the version before to this one, in order; the first makes version 1.
    ///
    /// Kept in the store as `store.schema_version`. Released steps are never edited. Run with the
    /// store's schema as the search path.
    package static let migrations: [String] = [
        [Self.storeTables, Self.tenantTables, Self.rowTables, SQLReader.table].joined(
            separator: "\n"
        ),
        Self.processes,
        CommitTimes.migration,
        Self.readers,
        Self.homes,
        Self.ownership + SQLReader.verifierColumn,
    ]

    /// The version that this program writes.
    package static var version: Int64 { Int64(self.migrations.count) }

    /// The greatest number of a tenant: what a row's number leaves it, less the sign.
    static let tenantMax = (Int64(1) << (63 - RowID.tenantBits)) - 1

    /// Which controller looks after a tenant: a row for those that have one, beside `tenant`, whose
    /// rows each commit writes.
    private static let ownership = """
        CREATE TABLE tenant_owner (
            tenant            bigint      PRIMARY KEY REFERENCES tenant (id),
            owner             text        NOT NULL CHECK (owner <> ''),
            source            text        NOT NULL,
            deletion_policy   text        NOT NULL CHECK (deletion_policy IN ('Retain', 'Delete')),
            deletion_grace_seconds bigint NOT NULL CHECK (deletion_grace_seconds >= 0)
        );

        """

    /// Dedicated tenants: where each one's data are, and, in a schema that is one's home, to which
    /// store it belongs. A home that was restored elsewhere belongs to none any more: see ``Home``.
    private static let homes = """
        ALTER TABLE tenant
            ADD COLUMN isolation text NOT NULL DEFAULT 'shared'
                CHECK (isolation IN ('shared', 'dedicated')),
            ADD COLUMN home text UNIQUE CHECK (home IS NULL OR isolation = 'dedicated');

        ALTER TABLE store
            ADD COLUMN belongs_to uuid,
            ADD COLUMN belongs_to_schema text;
        """

    private static let storeTables = """
        CREATE TABLE store (
            id                smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
            uid               uuid        NOT NULL DEFAULT gen_random_uuid(),
            schema_version    bigint      NOT NULL,
            registry_version  bigint      NOT NULL DEFAULT 0,
            next_tenant       bigint      NOT NULL DEFAULT 1
        ) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_threshold = 1000);

        CREATE TABLE housekeeping (
            id                smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
            heartbeat         timestamptz NOT NULL DEFAULT clock_timestamp(),
            housekeeper       bigint      NOT NULL DEFAULT 0,
            housekeeper_until timestamptz NOT NULL DEFAULT '-infinity'
        ) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_threshold = 1000);

        INSERT INTO housekeeping DEFAULT VALUES;

        CREATE TABLE instance (
            id                bigint      PRIMARY KEY,
            name              text        NOT NULL,
            client_urls       text[]      NOT NULL,
            started_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
            beat_at           timestamptz NOT NULL DEFAULT clock_timestamp()
        ) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_threshold = 1000);

        CREATE TABLE last_commit (
            instance          bigint      PRIMARY KEY,
            token             bigint      NOT NULL,
            begun_at          timestamptz NOT NULL
        ) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_threshold = 10000);
        """

    /// Which process an instance is: one that is started anew has another number.
    private static let processes = """
        ALTER TABLE instance ADD COLUMN process bigint;
        """

    /// Since when an instance has been reading what is compacted.
    private static let readers = """
        ALTER TABLE instance ADD COLUMN reading_since timestamptz;
        """

    private static let tenantTables = """
        CREATE TABLE tenant (
            id                bigint      PRIMARY KEY CHECK (id BETWEEN 1 AND \(Self.tenantMax)),
            name              text        NOT NULL UNIQUE CHECK (name <> ''),
            uid               text        NOT NULL UNIQUE CHECK (length(uid) = 36),
            prefix            bytea       NOT NULL UNIQUE,
            state             text        NOT NULL DEFAULT 'active'
                                          CHECK (state IN ('active', 'suspended', 'deleting')),
            revision          bigint      NOT NULL CHECK (revision >= 1),
            compact_revision  bigint      NOT NULL CHECK (compact_revision BETWEEN -1 AND revision),
            sequence          bigint      NOT NULL CHECK (sequence >= 0),
            last_row          bigint      NOT NULL,
            allocated_bytes   bigint      NOT NULL CHECK (allocated_bytes >= 0),
            changes_since     bigint      NOT NULL DEFAULT 0,
            importer          bigint,
            imported_at       timestamptz,
            cluster_id        bigint      NOT NULL CHECK (cluster_id <> 0),
            member_id         bigint      NOT NULL CHECK (member_id <> 0),
            created_at        timestamptz NOT NULL DEFAULT now(),
            state_since       timestamptz NOT NULL DEFAULT now(),
            reclaim_at        timestamptz CHECK (reclaim_at IS NULL OR state = 'deleting'),
            was_suspended     boolean     NOT NULL DEFAULT false
                                          CHECK (NOT was_suspended OR state = 'deleting'),
            erasing_since     timestamptz CHECK (erasing_since IS NULL OR state = 'deleting'),
            generation        bigint      NOT NULL DEFAULT 1 CHECK (generation >= 1),
            registry_version  bigint      NOT NULL DEFAULT 0,
            quota_bytes       bigint      CHECK (quota_bytes >= 1),
            space_mode        text        NOT NULL DEFAULT 'headroom'
                                          CHECK (space_mode IN ('strict', 'headroom')),
            max_keys          bigint      CHECK (max_keys >= 0),
            max_value_bytes   bigint      CHECK (max_value_bytes >= 0),
            max_writes_per_second     bigint CHECK (max_writes_per_second >= 0),
            max_reads_per_second      bigint CHECK (max_reads_per_second >= 0),
            max_read_bytes_per_second bigint CHECK (max_read_bytes_per_second >= 0),
            max_watches       bigint      CHECK (max_watches >= 0),
            max_leases        bigint      CHECK (max_leases >= 0),
            max_connections   bigint      CHECK (max_connections >= 0),
            max_in_flight     bigint      CHECK (max_in_flight >= 0),
            compact_after_nanoseconds bigint CHECK (compact_after_nanoseconds >= 0),
            compact_keeping_revisions bigint CHECK (compact_keeping_revisions >= 0),
            CHECK (compact_keeping_revisions IS NULL OR compact_after_nanoseconds IS NULL)
        ) WITH (fillfactor = 25, autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_threshold = 1000);

        CREATE FUNCTION tenant_is_kept() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN
            IF NEW.uid IS DISTINCT FROM OLD.uid THEN
                RAISE 'the uid of a tenant never changes' USING ERRCODE = 'check_violation';
            ELSIF NEW.prefix IS DISTINCT FROM OLD.prefix THEN
                RAISE 'the prefix of a tenant never changes' USING ERRCODE = 'check_violation';
            ELSIF OLD.erasing_since IS NOT NULL THEN
                RAISE 'a tenant whose erasing has begun cannot be taken back'
                    USING ERRCODE = 'check_violation';
            END IF;
            IF NEW.state IS DISTINCT FROM OLD.state THEN NEW.state_since := now(); END IF;
            RETURN NEW;
        END $body$;

        CREATE TRIGGER tenant_is_kept BEFORE UPDATE OF uid, prefix, state, erasing_since ON tenant
            FOR EACH ROW EXECUTE FUNCTION tenant_is_kept();

        CREATE TABLE tenant_identity (
            kind              text        NOT NULL CHECK (kind IN (
                                  'uri-san', 'dns-san', 'common-name', 'authority', 'server-name')),
            value             text        NOT NULL CHECK (value <> ''),
            tenant            bigint      NOT NULL REFERENCES tenant (id),
            PRIMARY KEY (kind, value)
        );

        CREATE INDEX tenant_identity_of ON tenant_identity (tenant);
        """

    private static let rowTables = """
        CREATE TABLE kv (
            row               bigint      PRIMARY KEY,
            tenant            bigint      NOT NULL,
            mod_revision      bigint      NOT NULL,
            sub               bigint      NOT NULL,
            create_revision   bigint      NOT NULL,
            version           bigint      NOT NULL,
            lease             bigint      NOT NULL,
            key               bytea       NOT NULL,
            value             bytea       NOT NULL,
            CHECK (row >> \(RowID.tenantBits) = tenant)
        ) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 10000,
            autovacuum_vacuum_insert_scale_factor = 0.2);

        CREATE TABLE lease (
            tenant            bigint      NOT NULL,
            id                bigint      NOT NULL CHECK (id <> 0),
            ttl_seconds       bigint      NOT NULL,
            expires_at        timestamptz NOT NULL,
            PRIMARY KEY (tenant, id)
        ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

        CREATE TABLE alarm (
            tenant            bigint      NOT NULL REFERENCES tenant (id),
            member_id         bigint      NOT NULL,
            kind              text        NOT NULL CHECK (kind IN ('NOSPACE', 'CORRUPT')),
            PRIMARY KEY (tenant, member_id, kind)
        );

        CREATE TABLE change (
            tenant            bigint      NOT NULL,
            sequence          bigint      NOT NULL,
            n                 bigint      NOT NULL,
            kind              text        NOT NULL
                                          CHECK (kind IN ('grant', 'revoke', 'raise', 'clear')),
            subject           bigint      NOT NULL,
            ttl_seconds       bigint      NOT NULL,
            alarm             text        NOT NULL,
            committed_at      timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant, sequence, n)
        ) WITH (autovacuum_vacuum_scale_factor = 0.05);
        """
}
