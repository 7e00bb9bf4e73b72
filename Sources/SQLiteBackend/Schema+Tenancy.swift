extension Schema {
    /// What an administrator decides about tenants: limits, identities, compaction, and what becomes
    /// of a tenant that is deleted.
    ///
    /// NULL in a limit is no limit, and in `quota_bytes` and the automatic compaction what the server
    /// is started with. Tenants from before keep to etcd's rule for space.
    static let tenancy = """
        ALTER TABLE tenant ADD COLUMN quota_bytes INTEGER CHECK (quota_bytes >= 1);
        ALTER TABLE tenant ADD COLUMN space_mode TEXT NOT NULL DEFAULT 'strict'
            CHECK (space_mode IN ('strict', 'headroom'));
        ALTER TABLE tenant ADD COLUMN max_keys INTEGER CHECK (max_keys >= 0);
        ALTER TABLE tenant ADD COLUMN max_value_bytes INTEGER CHECK (max_value_bytes >= 0);
        ALTER TABLE tenant ADD COLUMN max_writes_per_second INTEGER
            CHECK (max_writes_per_second >= 0);
        ALTER TABLE tenant ADD COLUMN max_reads_per_second INTEGER
            CHECK (max_reads_per_second >= 0);
        ALTER TABLE tenant ADD COLUMN max_read_bytes_per_second INTEGER
            CHECK (max_read_bytes_per_second >= 0);
        ALTER TABLE tenant ADD COLUMN max_watches INTEGER CHECK (max_watches >= 0);
        ALTER TABLE tenant ADD COLUMN max_leases INTEGER CHECK (max_leases >= 0);
        ALTER TABLE tenant ADD COLUMN max_connections INTEGER CHECK (max_connections >= 0);
        ALTER TABLE tenant ADD COLUMN max_in_flight INTEGER CHECK (max_in_flight >= 0);
        ALTER TABLE tenant ADD COLUMN compact_after_nanoseconds INTEGER
            CHECK (compact_after_nanoseconds >= 0);
        ALTER TABLE tenant ADD COLUMN compact_keeping_revisions INTEGER
            CHECK (compact_keeping_revisions >= 0)
            CHECK (compact_keeping_revisions IS NULL OR compact_after_nanoseconds IS NULL);
        ALTER TABLE tenant ADD COLUMN generation INTEGER NOT NULL DEFAULT 1
            CHECK (generation >= 1);
        ALTER TABLE tenant ADD COLUMN reclaim_at TEXT
            CHECK (reclaim_at IS NULL OR state = 'deleting');
        ALTER TABLE tenant ADD COLUMN erasing_since TEXT
            CHECK (erasing_since IS NULL OR state = 'deleting');

        CREATE TABLE tenant_identity (
            kind              TEXT    NOT NULL CHECK (kind IN (
                                  'uri-san', 'dns-san', 'common-name', 'authority', 'server-name')),
            value             TEXT    NOT NULL CHECK (value <> ''),
            tenant            INTEGER NOT NULL REFERENCES tenant (id),
            PRIMARY KEY (kind, value)
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX tenant_identity_of ON tenant_identity (tenant);

        CREATE TRIGGER tenant_prefix_is_immutable BEFORE UPDATE OF prefix ON tenant
        WHEN NEW.prefix IS NOT OLD.prefix
        BEGIN
            SELECT RAISE(ABORT, 'the prefix of a tenant never changes');
        END;

        CREATE TRIGGER tenant_erasing_is_final BEFORE UPDATE OF erasing_since, state ON tenant
        WHEN OLD.erasing_since IS NOT NULL
        BEGIN
            SELECT RAISE(ABORT, 'a tenant whose erasing has begun cannot be taken back');
        END;

        DROP VIEW live_key;
        """

    /// Which controller looks after a tenant: a row for those that have one.
    static let ownership = """
        CREATE TABLE tenant_owner (
            tenant            INTEGER PRIMARY KEY REFERENCES tenant (id),
            owner             TEXT    NOT NULL CHECK (owner <> ''),
            source            TEXT    NOT NULL,
            deletion_policy   TEXT    NOT NULL CHECK (deletion_policy IN ('Retain', 'Delete')),
            deletion_grace_seconds INTEGER NOT NULL CHECK (deletion_grace_seconds >= 0)
        ) STRICT;
        """

    /// Dedicated tenants: the file that each one's data are in, and whether it has been made.
    static let homes = """
        ALTER TABLE tenant ADD COLUMN isolation TEXT NOT NULL DEFAULT 'shared'
            CHECK (isolation IN ('shared', 'dedicated'));
        ALTER TABLE tenant ADD COLUMN home TEXT CHECK (home IS NULL OR isolation = 'dedicated');
        ALTER TABLE tenant ADD COLUMN is_home_made INTEGER NOT NULL DEFAULT 1
            CHECK (is_home_made IN (0, 1)) CHECK (is_home_made = 1 OR home IS NOT NULL);

        CREATE UNIQUE INDEX tenant_home ON tenant (home);
        """

    /// What a tenant that is being deleted is again when that is taken back.
    static let undeletion = """

        ALTER TABLE tenant ADD COLUMN was_suspended INTEGER NOT NULL DEFAULT 0
            CHECK (was_suspended IN (0, 1))
            CHECK (was_suspended = 0 OR state = 'deleting');
        """
}
