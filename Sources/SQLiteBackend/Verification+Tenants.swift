import ByreCore
import SQLite

extension Verification {
    /// Rules of the registry that constraints do not hold: definitions are ones that the server would
    /// take, no prefix begins another, nobody's identity is another's name, and what belongs to a
    /// tenant belongs to one that is there.
    mutating func checkTenants(_ connection: Connection) throws(SQLiteError) {
        self.findings.check(try StoredRegistry.read(connection))
        for table in ["alarm", "tenant_identity"] {
            let orphans = try Statement(
                """
                SELECT DISTINCT tenant FROM \(table) WHERE tenant NOT IN (SELECT id FROM tenant)
                ORDER BY tenant
                """,
                on: connection
            )
            while try orphans.step() {
                self.findings.add(tenant: orphans.integer(0), "rows of \(table) of a tenant not there")
            }
        }
    }
}
