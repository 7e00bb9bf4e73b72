package import ByreCore
import SQLite

extension SQLiteBackend {
    /// Checks the store in the file `path` against every rule that its rows must keep.
    ///
    /// Reads one snapshot and changes nothing, so a server may be running on it. What a stopped server
    /// left in the journal alone is checked for whether it can be replayed; a running one's journal
    /// is its own affair.
    /// - Returns: what is wrong, at most ``Findings/countMax``; empty when all is well.
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
            return verification.findings.all
        } catch {
            throw StoreError(path, error)
        }
    }
}
