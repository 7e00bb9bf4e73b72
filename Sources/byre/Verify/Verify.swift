import ByreCore
import SQLiteBackend

/// `byre verify`: checks a store and tells what it finds.
enum Verify {
    /// Prints a line for each finding, then a summary.
    /// - Returns: whether nothing is wrong; warnings are not.
    /// - Throws: ``StartError`` when the store cannot be read.
    static func run(databasePath path: String) throws(StartError) -> Bool {
        let findings: [Finding]
        do throws(StoreError) {
            findings = try SQLiteBackend.verify(path: path)
        } catch {
            throw StartError("\(error)")
        }
        var errors = findings.count { $0.severity == .error }
        let warnings = findings.count - errors
        var lines = findings.map(\.description)
        if errors == 0 {
            // A damaged store is not opened: opening may repair.
            let differences = try self.checkIndex(path)
            lines += differences.map { "error: \($0)" }
            errors = differences.count
        }
        let verdict = errors == 0 ? "is in order" : "is damaged"
        lines.append("\(path) \(verdict): \(errors) errors, \(warnings) warnings")
        StandardStream.output.write(lines.joined(separator: "\n") + "\n")
        return errors == 0
    }

    /// Opens the store and compares the index built from it with its rows; a store that a server has
    /// open is left to the server.
    private static func checkIndex(_ path: String) throws(StartError) -> [String] {
        let backend: SQLiteBackend
        do throws(StoreError) {
            backend = try SQLiteBackend(path: path)
        } catch .inUse(_, let holder) {
            StandardStream.output.write("The index is not checked: \(holder) has the store open.\n")
            return []
        } catch {
            throw StartError("\(error)")
        }
        defer { backend.close() }
        do throws(BackendError) {
            var check = IndexCheck()
            try backend.recover(into: &check)
            return check.findings()
        } catch {
            throw StartError("\(path): \(error)")
        }
    }
}
