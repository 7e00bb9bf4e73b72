package import ByreCore
import Postgres

extension PostgresBackend {
    /// Checks the store at `url` against every rule that its rows must keep.
    ///
    /// Reads one snapshot and changes nothing, so servers may be running on it.
    /// - Returns: what is wrong, at most ``Findings/countMax``; empty when all is well.
    /// - Complexity: O(size of the store), and memory O(keys).
    /// - Throws: when there is no store to check.
    package static func verify(
        url: String,
        limits: PostgresLimits = PostgresLimits()
    ) throws(StoreError) -> [Finding] {
        let address = try StoreAddress(url)
        let version: Int64?
        let connection: PostgresConnection
        do throws(PostgresError) {
            connection = try PostgresConnection(address.url, options: .long(limits, address))
            version = try Schema.storedVersion(connection, address)
        } catch {
            throw StoreError(address, error)
        }
        defer { connection.close() }
        let path = String(describing: address)
        guard let version else { throw .unusable(path: path, why: "there is no store") }
        guard version <= Schema.version else {
            throw .newer(path: path, version: version, known: Schema.version)
        }
        guard version == Schema.version else {
            throw .unusable(
                path: path,
                why: "it has schema version \(version) and not \(Schema.version)"
            )
        }
        do throws(PostgresError) {
            var verification = Verification(connection, address)
            try verification.checkAll()
            var findings = verification.findings
            for home in try Home.all(of: address, connection) {
                try Home.verify(home, of: address, connection, &findings)
            }
            return findings.all
        } catch {
            throw StoreError(address, error)
        }
    }
}
