/// Texts of the configuration file that stand for amounts.
enum ConfigUnits {
    private static let byteUnits: [(name: String, factor: Int64)] = [
        ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40),
        ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000),
    ]

    /// A number of bytes as Kubernetes writes quantities: `1048576`, `512Ki`, `256Mi`, `1Gi`, `10G`.
    static func bytes(_ node: ConfigNode) throws(ConfigError) -> Int64 {
        let text = try node.text()
        // For no limit, where that may be.
        if text == "-1" { return -1 }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        let factor = unit.isEmpty ? 1 : self.byteUnits.first { $0.name == unit }?.factor
        guard let number = Int64(digits), let factor else {
            throw node.error(
                "\"\(text)\" is not a number of bytes such as 1048576, 512Ki, 256Mi or 1Gi"
            )
        }
        let (bytes, overflows) = number.multipliedReportingOverflow(by: factor)
        if overflows { throw node.error("\"\(text)\" is more bytes than there can be") }
        return bytes
    }

    /// A duration in Go's syntax that is not negative.
    static func duration(_ node: ConfigNode) throws(ConfigError) -> Duration {
        let text = try node.text()
        do throws(FlagValueError) {
            let duration = try Duration(flagText: text)
            guard duration >= .zero else { throw FlagValueError("is negative") }
            return duration
        } catch {
            throw node.error("\"\(text)\" \(error.reason)")
        }
    }

    /// Permission bits of a file, in octal: `0600`.
    static func mode(_ node: ConfigNode) throws(ConfigError) -> UInt32 {
        let text = try node.text()
        guard text.count <= 4, let mode = UInt32(text, radix: 8), mode <= 0o777 else {
            throw node.error("\"\(text)\" is not a file's mode such as 0600 or 0660")
        }
        return mode
    }

    /// A value in the words of a flag.
    static func value<Value: FlagValue>(
        _ type: Value.Type,
        _ node: ConfigNode
    ) throws(ConfigError) -> Value {
        let text = try node.text()
        do {
            return try Value(flagText: text)
        } catch {
            throw node.error("\"\(error.shown ?? text)\" \(error.reason)")
        }
    }
}
