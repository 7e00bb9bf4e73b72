/// Why a configuration file cannot be followed, and where it says so.
package struct ConfigError: Error, Equatable {
    /// `byre.yaml:3:5: unknown key "clientCa"; did you mean "clientCA"?`
    package let message: String

    package init(_ message: String) {
        self.message = message
    }

    init(file: String, line: Int, column: Int, _ text: String) {
        self.message = "\(file):\(line):\(column): \(text)"
    }
}
