import ByreCore
import Postgres

/// When rows were committed, to the second: a row of `commit_time` for each second in which there were
/// commits to a tenant.
///
/// It names the first row of its second, and dates the tenant's rows from there to that of the next. It
/// goes when its last row does, except that a tenant's newest stays. Rows from before schema version 3
/// have no time.
///
/// The time is the database's. When it is asked for goes by this instance's clock, so that most commits
/// do not ask; the two may differ, which makes a time wrong by a second at most.
struct CommitTimes {
    static let migration = """
        CREATE TABLE commit_time (
            row               bigint      PRIMARY KEY,
            at                timestamptz NOT NULL
        ) WITH (autovacuum_vacuum_scale_factor = 0.05);
        """

    /// The second in which this process noted a tenant last, by its own clock.
    private var newest: [TenantID: Int64] = [:]

    /// First rows of the tenants whose commit is to be noted: those of a second that is new.
    func undated(in batch: CommitBatch) -> [(tenant: TenantID, row: RowID)] {
        var undated: [(tenant: TenantID, row: RowID)] = []
        for (tenant, row) in Self.firsts(of: batch)
        where batch.committedAt == 0 || self.newest[tenant] != batch.committedAt {
            undated.append((tenant, row))
        }
        return undated
    }

    /// The first row of each tenant in a batch.
    private static func firsts(of batch: CommitBatch) -> [TenantID: RowID] {
        var firsts: [TenantID: RowID] = [:]
        var last: TenantID?
        // A tenant's rows mostly lie side by side.
        for row in batch.rows where row.tenant != last {
            last = row.tenant
            if firsts[row.tenant] == nil { firsts[row.tenant] = row.version.row }
        }
        return firsts
    }

    /// Notes that a batch is committed.
    mutating func committed(_ batch: CommitBatch) {
        for (tenant, _) in Self.firsts(of: batch) { self.newest[tenant] = batch.committedAt }
        for case .erase(let tenant) in batch.registry { self.newest[tenant] = nil }
    }
}

extension StoreStatements {
    private static func first(_ tenant: String) -> String {
        "\(tenant) << \(RowID.tenantBits)"
    }

    /// Dates what tenants $1 commit now in rows from $2 on, if the second is a new one.
    var noteTimes: PostgresStatement {
        .init(
            """
            INSERT INTO \(self.k)commit_time (row, at)
            SELECT u.row, date_trunc('second', clock_timestamp())
            FROM unnest($1::bigint[], $2::bigint[]) AS u (tenant, row)
            WHERE coalesce((
                SELECT c.at FROM \(self.k)commit_time AS c
                WHERE c.row >= \(Self.first("u.tenant")) AND c.row < u.row
                ORDER BY c.row DESC LIMIT 1), '-infinity') < date_trunc('second', clock_timestamp())
            ON CONFLICT (row) DO UPDATE SET at = excluded.at
            """
        )
    }

    /// Deletes the times that had no rows but those of tenant $1 among $2, which were deleted.
    var forgetTimes: PostgresStatement {
        .init(
            """
            WITH touched AS (
                SELECT DISTINCT (
                    SELECT c.row FROM \(self.k)commit_time AS c
                    WHERE c.row >= \(Self.first("$1")) AND c.row <= u.row
                    ORDER BY c.row DESC LIMIT 1) AS row
                FROM unnest($2::bigint[]) AS u (row))
            DELETE FROM \(self.k)commit_time AS c USING touched AS t
            WHERE c.row = t.row AND \(self.isEmpty)
            """
        )
    }

    /// Deletes the times that had no rows but those of tenant $1 from $2 to $3, which were deleted.
    var forgetTimesWithin: PostgresStatement {
        .init(
            """
            DELETE FROM \(self.k)commit_time AS c
            WHERE c.row BETWEEN coalesce((
                    SELECT b.row FROM \(self.k)commit_time AS b
                    WHERE b.row >= \(Self.first("$1")) AND b.row <= $2
                    ORDER BY b.row DESC LIMIT 1), $2) AND $3
                AND \(self.isEmpty)
            """
        )
    }

    var eraseTimes: PostgresStatement {
        .init(
            """
            DELETE FROM \(self.k)commit_time
            WHERE row >= \(Self.first("$1")) AND row < \(Self.first("($1 + 1)"))
            """
        )
    }

    /// Whether `c` has no rows and is not the newest of tenant $1.
    private var isEmpty: String {
        """
        EXISTS (
            SELECT FROM (
                SELECT n.row FROM \(self.k)commit_time AS n
                WHERE n.row > c.row AND n.row < \(Self.first("($1 + 1)"))
                ORDER BY n.row LIMIT 1) AS next
            WHERE NOT EXISTS (
                SELECT FROM \(self.k)kv WHERE kv.row >= c.row AND kv.row < next.row))
        """
    }
}
