import SQLiteBackend

/// `byre verify`: checks a store and tells what it finds.
enum Verify {
    /// Prints a line for each finding, then a summary.
    /// - Returns: whether nothing is wrong; warnings are not.
    /// - Throws: ``StartError`` when the store cannot be read.
    static func run(databasePath: String) throws(StartError) -> Bool {
        let findings: [Finding]
        do throws(StoreError) {
            findings = try SQLiteBackend.verify(path: databasePath)
        } catch {
            throw StartError("\(error)")
        }
        for finding in findings {
            StandardStream.output.write("\(finding)\n")
        }
        let errors = findings.count { $0.severity == .error }
        let verdict = errors == 0 ? "\(databasePath) is in order" : "\(databasePath) is damaged"
        StandardStream.output.write(
            "\(verdict): \(errors) errors, \(findings.count - errors) warnings\n"
        )
        return errors == 0
    }
}
