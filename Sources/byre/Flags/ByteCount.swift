/// A number of bytes, in flags and tables: `1048576`, `512Ki`, `1Gi`, `10G`.
///
/// Kubernetes: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>
package struct ByteCount: Hashable, Sendable {
    package var bytes: Int64

    package init(_ bytes: Int64) {
        self.bytes = bytes
    }

    private static let units: [(name: String, factor: Int64)] = [
        ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40),
        ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000),
    ]

    /// The number in the largest binary unit below it, with three digits: `1.50Gi`, `20.0Ki`.
    package var humanText: String {
        let unit = Self.units.prefix(4).last { abs(self.bytes) >= $0.factor }
        guard let unit else { return "\(self.bytes)" }
        let hundredths = Int64((Double(self.bytes) / Double(unit.factor) * 100).rounded())
        let (whole, rest) = hundredths.quotientAndRemainder(dividingBy: 100)
        let decimals = abs(rest)
        if abs(whole) >= 100 || decimals == 0 { return "\(whole)\(unit.name)" }
        if abs(whole) >= 10 { return "\(whole).\(decimals / 10)\(unit.name)" }
        return "\(whole).\(decimals < 10 ? "0" : "")\(decimals)\(unit.name)"
    }
}

extension ByteCount: FlagValue {
    package static var placeholder: String { "BYTES" }

    package init(flagText: String) throws(FlagValueError) {
        let digits = flagText.prefix { $0.isASCII && $0.isNumber }
        let name = flagText.dropFirst(digits.count)
        let factor = name.isEmpty ? 1 : Self.units.first { $0.name == name }?.factor
        guard let number = Int64(digits), let factor else {
            throw FlagValueError("is not a number of bytes such as 1048576, 512Ki or 1Gi")
        }
        let (bytes, overflows) = number.multipliedReportingOverflow(by: factor)
        if overflows { throw FlagValueError("is more bytes than there can be") }
        self.init(bytes)
    }

    /// Exact: the largest binary unit that leaves no rest.
    package var flagText: String {
        let unit = Self.units.prefix(4).last {
            self.bytes >= $0.factor && self.bytes % $0.factor == 0
        }
        guard let unit else { return "\(self.bytes)" }
        return "\(self.bytes / unit.factor)\(unit.name)"
    }
}
