import ByreCore
import SQLiteBackend

/// `byre verify`: checks a store and tells what it finds.
enum Verify {
    /// Prints a line for each finding, then a summary.
    /// - Returns: whether nothing is wrong; warnings are not.
    /// - Throws: ``StartError`` when the store cannot be read.
    static func run(_ store: StoreURL) throws(StartError) -> Bool {
        let findings = try StoreOpening.verify(store)
        var errors = findings.count { $0.severity == .error }
        let warnings = findings.count - errors
        var lines = findings.map(\.description)
        if errors == 0 {
            // A damaged store is not opened: opening may repair.
            let differences = try self.checkIndex(store)
            lines += differences.map { "error: \($0)" }
            errors = differences.count
        }
        let verdict = errors == 0 ? "is in order" : "is damaged"
        lines.append("\(store) \(verdict): \(errors) errors, \(warnings) warnings")
        StandardStream.output.write(lines.joined(separator: "\n") + "\n")
        return errors == 0
    }

    /// Opens the store and compares the index built from it with its rows; a file that a server has
    /// open is left to the server.
    private static func checkIndex(_ store: StoreURL) throws(StartError) -> [String] {
        let backend: any Backend
        do throws(StoreError) {
            backend = try StoreOpening.open(store)
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
            throw StartError("\(store): \(error)")
        }
    }
}
