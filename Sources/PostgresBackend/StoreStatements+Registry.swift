import Postgres

extension StoreStatements {
    var raiseRegistryVersion: PostgresStatement {
        .init("UPDATE \(self.s)store SET registry_version = registry_version + 1")
    }

    var raiseNextTenant: PostgresStatement {
        .init("UPDATE \(self.s)store SET next_tenant = greatest(next_tenant, $1)")
    }

    /// Gives the leases of a tenant that was not active their full time; before it is.
    var restartLeases: PostgresStatement {
        .init(
            """
            UPDATE \(self.s)lease AS l SET expires_at = \(Self.expiry("l.ttl_seconds"))
            FROM \(self.s)tenant AS t
            WHERE t.id = $1 AND t.state <> 'active' AND l.tenant = $1
            """
        )
    }

    private var registryVersion: String { "(SELECT registry_version FROM \(self.s)store)" }

    var createTenant: PostgresStatement {
        .init(
            """
            INSERT INTO \(self.s)tenant (id, revision, compact_revision, sequence, last_row,
                allocated_bytes, cluster_id, member_id, name, uid, prefix, created_at, isolation,
                home)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, to_timestamp($12::bigint), $13,
                $14)
            """
        )
    }

    var defineTenant: PostgresStatement {
        .init(
            """
            UPDATE \(self.s)tenant SET name = $2, state = $3,
                reclaim_at = to_timestamp($4::bigint), generation = $5,
                quota_bytes = $6::bigint, space_mode = $7, max_keys = $8::bigint,
                max_value_bytes = $9::bigint, max_writes_per_second = $10::bigint,
                max_reads_per_second = $11::bigint, max_read_bytes_per_second = $12::bigint,
                max_watches = $13::bigint, max_leases = $14::bigint,
                max_connections = $15::bigint, max_in_flight = $16::bigint,
                compact_after_nanoseconds = $17::bigint, compact_keeping_revisions = $18::bigint,
                was_suspended = $19,
                registry_version = \(self.registryVersion)
            WHERE id = $1
            """
        )
    }

    var deleteIdentities: PostgresStatement {
        .init("DELETE FROM \(self.s)tenant_identity WHERE tenant = $1")
    }

    var insertIdentities: PostgresStatement {
        .init(
            """
            INSERT INTO \(self.s)tenant_identity (tenant, kind, value)
            SELECT $1, kind, value FROM unnest($2::text[], $3::text[]) AS u (kind, value)
            """
        )
    }

    var deleteOwner: PostgresStatement {
        .init("DELETE FROM \(self.s)tenant_owner WHERE tenant = $1")
    }

    var insertOwner: PostgresStatement {
        .init(
            """
            INSERT INTO \(self.s)tenant_owner (tenant, owner, source, deletion_policy,
                deletion_grace_seconds)
            VALUES ($1, $2, $3, $4, $5)
            """
        )
    }

    // MARK: Erasing

    var beginErasing: PostgresStatement {
        .init(
            """
            UPDATE \(self.s)tenant SET erasing_since = clock_timestamp(),
                registry_version = \(self.registryVersion)
            WHERE id = $1
            """
        )
    }

    /// Deletes rows of a tenant that is being erased, and of any other those above its commit point:
    /// numbers that an import took which failed may be those of other rows by now.
    var eraseRows: PostgresStatement {
        .init(
            """
            DELETE FROM \(self.k)kv USING \(self.s)tenant AS t
            WHERE kv.row BETWEEN $2 AND $3 AND kv.tenant = $1 AND t.id = $1
                AND (t.erasing_since IS NOT NULL OR kv.mod_revision > t.revision)
            """
        )
    }

    var eraseLeases: PostgresStatement {
        .init(
            """
            DELETE FROM \(self.s)lease WHERE tenant = $1 AND id IN (
                SELECT id FROM \(self.s)lease WHERE tenant = $1 ORDER BY id LIMIT $2)
            """
        )
    }

    /// All that is left of a tenant without rows, and then the tenant.
    var erase: [PostgresStatement] {
        ["lease", "alarm", "change", "tenant_identity", "tenant_owner"].map { table in
            .init("DELETE FROM \(self.s)\(table) WHERE tenant = $1")
        } + [self.eraseTimes, .init("DELETE FROM \(self.s)tenant WHERE id = $1")]
    }

    // MARK: Reading

    private static func seconds(_ column: String) -> String {
        "extract(epoch FROM \(column))::bigint"
    }

    /// Columns of a ``StoredTenant``, in the order that it is read in.
    private static let columns = """
        \(Self.recordColumns),
        erasing_since IS NOT NULL, name, uid, prefix, state, \(Self.seconds("created_at")),
        \(Self.seconds("reclaim_at")), generation, quota_bytes, space_mode, max_keys,
        max_value_bytes, max_writes_per_second, max_reads_per_second, max_read_bytes_per_second,
        max_watches, max_leases, max_connections, max_in_flight, compact_after_nanoseconds,
        compact_keeping_revisions, was_suspended, isolation, home, owner, source,
        deletion_policy, deletion_grace_seconds
        """

    /// All tenants whose definition was changed after a version of the registry.
    var definitions: PostgresStatement {
        .init(
            """
            SELECT \(Self.columns) FROM \(self.s)tenant
            LEFT JOIN \(self.s)tenant_owner ON tenant = id
            WHERE registry_version > $1 ORDER BY id
            """
        )
    }

    var identities: PostgresStatement {
        .init(
            """
            SELECT i.tenant, i.kind, i.value FROM \(self.s)tenant_identity AS i
            JOIN \(self.s)tenant AS t ON t.id = i.tenant WHERE t.registry_version > $1
            """
        )
    }

    var storeVersion: PostgresStatement {
        .init("SELECT registry_version, next_tenant FROM \(self.s)store")
    }

    var tenantIDs: PostgresStatement {
        .init("SELECT id FROM \(self.s)tenant ORDER BY id")
    }
}
