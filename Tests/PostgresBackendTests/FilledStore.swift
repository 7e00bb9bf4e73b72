import ByreCore
import ByreTestKit
import Postgres
import PostgresBackend

/// A store with two tenants, `acme` and `other`, as people find it.
struct FilledStore {
    static let acme = TenantID(rawValue: 1)
    static let other = TenantID(rawValue: 2)

    let fixture: StoreFixture
    /// The role that made the store, and is no superuser.
    let owner: String

    init() throws {
        self.fixture = try StoreFixture()
        self.owner = "byre_\(self.fixture.database)"
        try self.fixture.cluster.run(
            """
            CREATE ROLE \(self.owner) LOGIN;
            GRANT CREATE ON DATABASE \(self.fixture.database) TO \(self.owner);
            """
        )
        try self.reopen()
        try self.fixture.run(
            """
            INSERT INTO tenant (id, name, uid, prefix, revision, compact_revision, sequence,
                last_row, allocated_bytes, cluster_id, member_id, quota_bytes, max_keys)
            SELECT id, name, gen_random_uuid(), convert_to('/' || name || '/', 'UTF8'), 1, -1, 0,
                (id::bigint << 40), 0, id, id, 50000, 9
            FROM (VALUES (1, 'acme'), (2, 'other')) AS given (id, name);
            """
        )
    }

    /// Opens the store as its owner and closes it.
    func reopen() throws {
        try PostgresBackend(url: self.url(self.owner)).close()
    }

    func url(_ role: String) -> String {
        self.fixture.cluster.url(database: self.fixture.database, user: role)
    }

    func connect(as role: String) throws(PostgresError) -> PostgresConnection {
        let connection = try PostgresConnection(self.url(role))
        try connection.execute("SET search_path TO byre")
        return connection
    }

    /// Writes a version of a key, with the next revision of its tenant; version 0 deletes.
    func put(
        _ tenant: TenantID = Self.acme,
        _ key: String,
        _ value: [UInt8] = [],
        version: Int64 = 1,
        lease: Int64 = 0
    ) throws {
        try self.put(tenant, Array(key.utf8), value, version: version, lease: lease)
    }

    func put(
        _ tenant: TenantID,
        _ key: [UInt8],
        _ value: [UInt8],
        version: Int64 = 1,
        lease: Int64 = 0
    ) throws {
        let connection = try self.connect(as: self.owner)
        try connection.query(
            """
            WITH next AS (
                UPDATE tenant SET revision = revision + 1, last_row = last_row + 1,
                    sequence = sequence + 1 WHERE id = $1 RETURNING *)
            INSERT INTO kv (row, tenant, mod_revision, sub, create_revision, version, lease, key,
                value)
            SELECT last_row, id, revision, 0, revision, $2, $3, $4, $5 FROM next
            """,
            [.int8(tenant.rawValue), .int8(version), .int8(lease), .bytes(key), .bytes(value)]
        )
    }

    /// The rows that a role gets, one text each, with `|` between the columns.
    func rows(_ query: String, as role: String? = nil) throws -> [String] {
        let connection = try self.connect(as: role ?? self.owner)
        return try connection.query(PostgresStatement("SELECT r::text FROM (\(query)) AS r"))
            .map { $0.text(0) }
    }
}
