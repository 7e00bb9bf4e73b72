import ByreCore
import SQLite

/// Checks one snapshot of a store, rule by rule.
struct Verification {
    private(set) var findings: [Finding] = []

    /// What the rows read so far say of a tenant.
    private struct Progress {
        let point: Int64
        let compacted: Int64
        /// Rows of it may be gone.
        let isErasing: Bool
        var hasRowsAbove = false
        var last = Revision(main: 0, sub: 0)
        var newest: [Bytes: Version] = [:]
    }

    /// Checks every rule, or as far as the damage lets SQLite read.
    mutating func checkAll(_ connection: Connection) throws(SQLiteError) {
        do throws(SQLiteError) {
            try self.checkFile(connection)
            try self.checkSchema(connection)
            try self.checkTenants(connection)
            try self.checkRows(connection)
            try self.checkLeases(connection)
        } catch {
            guard error.code.primary == .corrupt else { throw error }
            self.found("SQLite: \(error.message), so what follows could not be read")
        }
    }

    mutating func found(
        severity: Finding.Severity = .error,
        tenant: Int64? = nil,
        row: Int64? = nil,
        _ message: String
    ) {
        guard self.findings.count < SQLiteBackend.findingsMax else { return }
        self.findings.append(
            Finding(
                severity: severity,
                tenant: tenant.map(TenantID.init(rawValue:)),
                row: row.map(RowID.init(rawValue:)),
                message: message
            )
        )
    }

    /// Rule: SQLite's own structures are whole, indexes and constraints included.
    ///
    /// SQLite: <https://www.sqlite.org/pragma.html#pragma_quick_check>
    mutating func checkFile(_ connection: Connection) throws(SQLiteError) {
        let statement = try Statement(
            "PRAGMA integrity_check(\(SQLiteBackend.findingsMax))",
            on: connection
        )
        while try statement.step() {
            let message = statement.text(0)
            if message != "ok" { self.found("SQLite: \(message)") }
        }
    }

    /// Rule: the tables, triggers and views are those of a fresh store.
    ///
    /// What a person added beside
    /// them is a warning.
    mutating func checkSchema(_ connection: Connection) throws(SQLiteError) {
        let expected = try Self.schema(try Schema.fresh())
        let present = try Self.schema(connection)
        for (name, sql) in expected.sorted(by: { $0.key < $1.key }) where present[name] != sql {
            // The next start makes views anew.
            self.found(
                severity: name.hasPrefix("view ") ? .warning : .error,
                present[name] == nil ? "\(name) is missing" : "\(name) was altered"
            )
        }
        for name in present.keys.sorted() where expected[name] == nil {
            self.found(severity: .warning, "\(name) is not of the schema")
        }
    }

    private static func schema(_ connection: Connection) throws(SQLiteError) -> [String: String] {
        var objects: [String: String] = [:]
        let statement = try Statement("SELECT type, name, sql FROM sqlite_schema", on: connection)
        while try statement.step() {
            objects["\(statement.text(0)) \(statement.text(1))"] = statement.text(2)
        }
        return objects
    }

    /// Reads every row, in commit order.
    mutating func checkRows(_ connection: Connection) throws(SQLiteError) {
        var tenants: [Int64: Progress] = [:]
        let points = try Statement(
            "SELECT id, revision, compact_revision, erasing_since IS NOT NULL FROM tenant",
            on: connection
        )
        while try points.step() {
            tenants[points.integer(0)] = Progress(
                point: points.integer(1),
                compacted: points.integer(2),
                isErasing: points.integer(3) != 0
            )
        }

        let statement = try Statement(
            """
            SELECT row, tenant, mod_revision, sub, create_revision, version, lease, key,
                length(value)
            FROM kv ORDER BY row
            """,
            on: connection
        )
        while try statement.step() {
            let id = statement.integer(1)
            let version = statement.version()
            // Taken out while it changes, so that its dictionary is not copied.
            guard var progress = tenants.removeValue(forKey: id) else {
                self.found(tenant: id, row: version.row.rawValue, "the tenant is not there")
                continue
            }
            self.check(version, of: statement.blob(7), id, &progress)
            tenants[id] = progress
        }
        for (id, progress) in tenants.sorted(by: { $0.key < $1.key }) where !progress.isErasing {
            // Revision 1 is the empty store's; what is compacted away leaves no trace.
            let end = max(progress.last.main, progress.compacted, 1)
            if end < progress.point {
                self.found(
                    tenant: id,
                    "revisions \(end + 1) to \(progress.point) have no row"
                )
            }
        }
    }

    private mutating func check(
        _ version: Version,
        of key: Bytes,
        _ tenant: Int64,
        _ progress: inout Progress
    ) {
        let row = version.row.rawValue
        if version.modRevision > progress.point {
            // It does not exist; recovery removes it. An import under way has many.
            guard !progress.hasRowsAbove else { return }
            progress.hasRowsAbove = true
            self.found(
                tenant: tenant,
                row: row,
                "revision \(version.modRevision) is above the commit point \(progress.point)"
            )
            return
        }
        guard !progress.isErasing else { return }
        if key.isEmpty { self.found(tenant: tenant, row: row, "the key is empty") }
        self.checkOrder(version, tenant, &progress)
        self.checkHistory(version, since: progress.newest[key], tenant, progress.compacted)
        progress.newest[key] = version
    }

    /// Rule *Gapless*: revisions rise by one and subs count from 0.
    ///
    /// Compaction takes rows away, at
    /// or below its revision only.
    private mutating func checkOrder(
        _ version: Version,
        _ tenant: Int64,
        _ progress: inout Progress
    ) {
        let row = version.row.rawValue
        let last = progress.last
        let revision = version.revision
        defer { progress.last = max(last, revision) }
        guard revision > last else {
            self.found(
                tenant: tenant,
                row: row,
                "revision \(revision.main).\(revision.sub) comes after \(last.main).\(last.sub)"
            )
            return
        }
        guard revision.main > progress.compacted else { return }
        let isNext =
            revision.main == last.main
            ? revision.sub == last.sub + 1
            : revision.main == max(last.main, progress.compacted, 1) + 1 && revision.sub == 0
        if !isNext {
            self.found(
                tenant: tenant,
                row: row,
                "revision \(revision.main).\(revision.sub) follows \(last.main).\(last.sub)"
            )
        }
    }

    /// Rule: a key's life begins with version 1 at its create revision, counts its puts, and ends with
    /// a tombstone that stands for nothing else.
    private mutating func checkHistory(
        _ version: Version,
        since previous: Version?,
        _ tenant: Int64,
        _ compacted: Int64
    ) {
        func found(_ message: String) {
            self.found(tenant: tenant, row: version.row.rawValue, message)
        }
        // What came before may have been compacted away, up to the compact revision.
        let isWhole = version.modRevision > compacted
        let wasAlive = previous.map { !$0.isTombstone } ?? false
        if version.isTombstone {
            if version.createRevision != 0 || version.valueSize != 0 || version.lease != .none {
                found("a tombstone has a create revision, a value or a lease")
            }
            if isWhole, !wasAlive { found("a tombstone ends a key that is not there") }
            return
        }
        if version.version < 1 || version.createRevision < 1 {
            found("version \(version.version), created at \(version.createRevision)")
        }
        if version.createRevision > version.modRevision {
            found("created at \(version.createRevision), after \(version.modRevision)")
        }
        guard isWhole else { return }
        if let previous, wasAlive {
            if version.version != previous.version + 1 {
                found("version \(version.version) follows version \(previous.version)")
            }
            if version.createRevision != previous.createRevision {
                found(
                    "created at \(version.createRevision), before that at "
                        + "\(previous.createRevision)"
                )
            }
        } else {
            if version.version != 1 { found("a new key has version \(version.version)") }
            if version.createRevision != version.modRevision {
                found("a new key was created at \(version.createRevision)")
            }
        }
    }

    /// Rule: leases belong to tenants.
    ///
    /// A key's lease that is not there is a warning: it never expires.
    mutating func checkLeases(_ connection: Connection) throws(SQLiteError) {
        let orphans = try Statement(
            "SELECT tenant, id FROM lease WHERE tenant NOT IN (SELECT id FROM tenant)",
            on: connection
        )
        while try orphans.step() {
            self.found(
                tenant: orphans.integer(0),
                "lease \(orphans.integer(1)) of a tenant not there"
            )
        }
        let missing = try Statement(
            """
            SELECT kv.tenant, kv.row, kv.lease
            FROM (SELECT max(row) AS row FROM kv GROUP BY tenant, key) AS newest
            JOIN kv ON kv.row = newest.row
            WHERE kv.lease <> 0 AND kv.version > 0 AND NOT EXISTS (
                SELECT 1 FROM lease WHERE lease.tenant = kv.tenant AND lease.id = kv.lease)
                AND kv.tenant IN (SELECT id FROM tenant WHERE erasing_since IS NULL)
            ORDER BY kv.row
            """,
            on: connection
        )
        while try missing.step() {
            self.found(
                severity: .warning,
                tenant: missing.integer(0),
                row: missing.integer(1),
                "lease \(missing.integer(2)) is not there"
            )
        }
    }

    /// Rule: the journal has every record after the last one that SQLite has, and they fit.
    mutating func checkJournal(
        of path: String,
        _ connection: Connection
    ) throws(SQLiteError) {
        let applied = try connection.integer(Schema.lastRecord)
        let tail: JournalTail
        do throws(JournalTail.Damage) {
            tail = try JournalTail(path: path, after: applied)
        } catch {
            self.found("journal: \(error.what)")
            return
        }
        var check = try BatchCheck(connection)
        for numbered in tail.batches {
            do throws(BackendError) {
                try check.check(numbered.batch)
            } catch {
                self.found("journal: record \(numbered.number) does not fit: \(error)")
            }
            check.add(numbered.batch)
        }
    }
}
