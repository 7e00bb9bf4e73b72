import ByreCore
import SQLite

/// Checks one snapshot of a store, rule by rule.
struct Verification {
    var findings = Findings()

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
            self.findings.add("SQLite: \(error.message), so what follows could not be read")
        }
    }

    /// Rule: SQLite's own structures are whole, indexes and constraints included.
    ///
    /// SQLite: <https://www.sqlite.org/pragma.html#pragma_quick_check>
    mutating func checkFile(_ connection: Connection) throws(SQLiteError) {
        let statement = try Statement(
            "PRAGMA integrity_check(\(Findings.countMax))",
            on: connection
        )
        while try statement.step() {
            let message = statement.text(0)
            if message != "ok" { self.findings.add("SQLite: \(message)") }
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
            self.findings.add(
                severity: name.hasPrefix("view ") ? .warning : .error,
                present[name] == nil ? "\(name) is missing" : "\(name) was altered"
            )
        }
        for name in present.keys.sorted() where expected[name] == nil {
            self.findings.add(severity: .warning, "\(name) is not of the schema")
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
        var rules = RowRules(self.findings)
        let points = try Statement(
            "SELECT id, revision, compact_revision, erasing_since IS NOT NULL FROM tenant",
            on: connection
        )
        while try points.step() {
            rules.tenant(
                points.integer(0),
                revision: points.integer(1),
                compactRevision: points.integer(2),
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
            rules.row(statement.version(), key: statement.blob(7), of: statement.integer(1))
        }
        rules.finish()
        self.findings = rules.findings
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
            self.findings.add(
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
            self.findings.add(
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
            self.findings.add("journal: \(error.what)")
            return
        }
        var check = try BatchCheck(connection)
        for numbered in tail.batches {
            do throws(BackendError) {
                try check.check(numbered.batch)
            } catch {
                self.findings.add("journal: record \(numbered.number) does not fit: \(error)")
            }
            check.add(numbered.batch)
        }
    }
}
