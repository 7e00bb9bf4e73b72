package import ByreCore
import SQLite

extension SQLiteStore {
    /// Checks the store in the file `path` and those of its dedicated tenants; see
    /// ``SQLiteBackend/verify(path:)``.
    package static func verify(path: String) throws(StoreError) -> [Finding] {
        var all = try SQLiteBackend.verify(path: path)
        for home in try Self.homes(of: path) {
            let file = Self.directory(beside: path) + "/" + home.file
            do throws(StoreError) {
                all += try SQLiteBackend.verify(path: file)
            } catch {
                var findings = Findings()
                findings.add(tenant: home.tenant, "\(error)")
                all += findings.all
            }
        }
        return Array(all.prefix(Findings.countMax))
    }

    /// The homes that are made, of tenants that are not being erased.
    private static func homes(
        of path: String
    ) throws(StoreError) -> [(tenant: Int64, file: String)] {
        do throws(SQLiteError) {
            let connection = try Connection(path: path, access: .readOnly)
            try connection.setBusyTimeout(milliseconds: SQLiteLimits().busyMilliseconds)
            let statement = try Statement(
                """
                SELECT id, home FROM tenant
                WHERE home IS NOT NULL AND is_home_made = 1 AND erasing_since IS NULL ORDER BY id
                """,
                on: connection
            )
            var homes: [(tenant: Int64, file: String)] = []
            while try statement.step() { homes.append((statement.integer(0), statement.text(1))) }
            return homes
        } catch {
            throw StoreError(path, error)
        }
    }
}
