package import ByreCore
import SQLite

/// Something in a store that is not as it has to be.
package struct Finding: Hashable, Sendable, CustomStringConvertible {
    package enum Severity: String, Hashable, Sendable {
        /// The store would answer wrongly, or refuse to start.
        case error
        /// Odd, and harmless.
        case warning
    }

    package var severity: Severity
    /// The tenant it is about, if it is about one.
    package var tenant: TenantID?
    /// The row it is about, if it is about one.
    package var row: RowID?
    package var message: String

    package var description: String {
        var place = ""
        if let tenant { place += " tenant \(tenant.rawValue)" }
        if let row { place += " row \(row.rawValue)" }
        return "\(self.severity.rawValue):\(place) \(self.message)"
    }
}

extension SQLiteBackend {
    /// How many findings are told; a store with more is beyond single repair.
    package static let findingsMax = 1_000

    /// Checks the store in the file `path` against every rule that its rows must keep.
    ///
    /// Reads one snapshot and changes nothing, so a server may be running on it. What a stopped server
    /// left in the journal alone is checked for whether it can be replayed; a running one's journal
    /// is its own affair.
    /// - Returns: what is wrong, at most ``findingsMax``; empty when all is well.
    /// - Complexity: O(size of the file), and memory O(keys).
    /// - Throws: when there is no store to check.
    package static func verify(path: String) throws(StoreError) -> [Finding] {
        // Opened with SQLite alone: see `StoreFile` on closing descriptors.
        guard StoreFile.isThere(path) else {
            throw StoreError.unusable(path: path, why: "there is no such file")
        }
        do throws(SQLiteError) {
            let connection = try Connection(path: path, access: .readOnly)
            try connection.setBusyTimeout(milliseconds: SQLiteLimits().busyMilliseconds)
            try connection.execute("BEGIN")
            guard
                try connection.integer("PRAGMA application_id") == Int64(Schema.applicationID)
            else {
                throw SQLiteError(code: .notADatabase, message: "another program's database")
            }
            let version = try connection.integer("PRAGMA user_version")
            guard version == Schema.version else {
                throw SQLiteError(
                    code: .misuse,
                    message: "it has schema version \(version) and not \(Schema.version)"
                )
            }
            var verification = Verification()
            try verification.checkAll(connection)
            if !StoreLock.isHeld(path + ".lock") {
                try verification.checkJournal(of: path, connection)
            }
            return verification.findings
        } catch {
            throw StoreError(path, error)
        }
    }
}
