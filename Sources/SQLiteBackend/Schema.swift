package import SQLite

/// The tables, and how an older store becomes a present one.
///
/// The SQL is for people too: control state is columns with constraints. `kv` holds one row per
/// version of a key, appended in commit order, without a secondary index: its only readers are
/// recovery, which reads it in storage order, and readers that know the row. `value` comes last, so
/// that nobody who skips it touches the pages it overflows into.
package enum Schema {
    /// "Byre" in ASCII: tells a store from any other SQLite database.
    ///
    /// SQLite: <https://www.sqlite.org/pragma.html#pragma_application_id>
    package static let applicationID: Int32 = 0x4279_7265

    /// What brings a store from the version before to this one, in order; the first makes version 1.
    ///
    /// Kept in the file as `user_version`. Released steps are never edited.
    package static let migrations: [String] = [
        """
        CREATE TABLE tenant (
            id                INTEGER PRIMARY KEY,
            name              TEXT    NOT NULL UNIQUE CHECK (name <> ''),
            uid               TEXT    NOT NULL UNIQUE CHECK (length(uid) = 36),
            prefix            BLOB    NOT NULL UNIQUE,
            state             TEXT    NOT NULL DEFAULT 'active'
                                      CHECK (state IN ('active', 'suspended', 'deleting')),
            revision          INTEGER NOT NULL CHECK (revision >= 1),
            compact_revision  INTEGER NOT NULL CHECK (compact_revision BETWEEN -1 AND revision),
            sequence          INTEGER NOT NULL CHECK (sequence >= 0),
            allocated_bytes   INTEGER NOT NULL CHECK (allocated_bytes >= 0),
            cluster_id        INTEGER NOT NULL CHECK (cluster_id <> 0),
            member_id         INTEGER NOT NULL CHECK (member_id <> 0),
            created_at        TEXT    NOT NULL
                                      DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
            state_since       TEXT    NOT NULL
                                      DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
        ) STRICT;

        CREATE TRIGGER tenant_uid_is_immutable BEFORE UPDATE OF uid ON tenant
        WHEN NEW.uid IS NOT OLD.uid
        BEGIN
            SELECT RAISE(ABORT, 'the uid of a tenant never changes');
        END;

        CREATE TRIGGER tenant_state_since AFTER UPDATE OF state ON tenant
        WHEN NEW.state IS NOT OLD.state
        BEGIN
            UPDATE tenant SET state_since = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
            WHERE id = NEW.id;
        END;

        CREATE TABLE kv (
            row               INTEGER PRIMARY KEY,
            tenant            INTEGER NOT NULL REFERENCES tenant (id),
            mod_revision      INTEGER NOT NULL,
            sub               INTEGER NOT NULL,
            create_revision   INTEGER NOT NULL,
            version           INTEGER NOT NULL,
            lease             INTEGER NOT NULL,
            key               BLOB    NOT NULL,
            value             BLOB    NOT NULL
        ) STRICT;

        CREATE TABLE lease (
            tenant            INTEGER NOT NULL REFERENCES tenant (id),
            id                INTEGER NOT NULL CHECK (id <> 0),
            ttl_seconds       INTEGER NOT NULL,
            PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE alarm (
            tenant            INTEGER NOT NULL REFERENCES tenant (id),
            member_id         INTEGER NOT NULL,
            kind              TEXT    NOT NULL CHECK (kind IN ('NOSPACE', 'CORRUPT')),
            PRIMARY KEY (tenant, member_id, kind)
        ) STRICT, WITHOUT ROWID;

        CREATE VIEW live_key AS
        SELECT tenant.name AS tenant, CAST(kv.key AS TEXT) AS key, kv.mod_revision,
            kv.create_revision, kv.version, kv.lease, length(kv.value) AS value_size, kv.row
        FROM (SELECT max(row) AS row FROM kv GROUP BY tenant, key) AS newest
        JOIN kv ON kv.row = newest.row
        JOIN tenant ON tenant.id = kv.tenant
        WHERE kv.version > 0 AND kv.mod_revision <= tenant.revision;
        """,
        Self.tenancy,
        Self.journalMigration,
        CommitTimes.migration + Self.undeletion,
        Self.homes,
        Self.ownership,
    ]

    /// Where SQLite keeps the number of the last record of the journal that it has: with each tenant
    /// that the record is about, in the row that it writes anyway, and once more apart from tenants,
    /// which are erased in time. The greatest counts.
    private static let journalMigration = """
        ALTER TABLE tenant ADD COLUMN journal_record INTEGER NOT NULL DEFAULT 0
                                      CHECK (journal_record >= 0);

        CREATE TABLE journal (
            id                INTEGER PRIMARY KEY CHECK (id = 1),
            record            INTEGER NOT NULL CHECK (record >= 0)
        ) STRICT;

        INSERT INTO journal (id, record) VALUES (1, 0);
        """

    /// Asks for the number of the last record of the journal that is in the store.
    static let lastRecord = """
        SELECT max(record) FROM (
            SELECT record FROM journal UNION ALL SELECT max(journal_record) FROM tenant)
        """

    /// The version that this program writes.
    package static var version: Int64 { Int64(self.migrations.count) }

    /// Brings the open database from whatever version it has to ``version``, in one transaction.
    ///
    /// A file without a table has version 0, so this is also how a store is made.
    package static func migrate(
        _ connection: Connection,
        through migrations: [String] = Self.migrations
    ) throws(SQLiteError) {
        guard try connection.integer("PRAGMA user_version") < migrations.count else { return }
        try connection.execute("BEGIN IMMEDIATE")
        do {
            let present = Int(try connection.integer("PRAGMA user_version"))
            for migration in migrations.dropFirst(present) {
                try connection.execute(migration)
            }
            try connection.execute("PRAGMA application_id = \(Self.applicationID)")
            try connection.execute("PRAGMA user_version = \(migrations.count)")
            try connection.execute("COMMIT")
        } catch {
            if connection.isInTransaction {
                // Whatever it answers, the first error is the one to tell.
                try? connection.execute("ROLLBACK")
            }
            throw error
        }
    }

    /// A database in memory with the present schema, to compare with.
    static func fresh() throws(SQLiteError) -> Connection {
        let connection = try Connection(path: ":memory:", access: .readWrite)
        try Self.migrate(connection)
        try Views.bringUpToDate(connection)
        return connection
    }
}
