/// Durations in Go's syntax: a sum of numbers with units, `300ms`, `1.5h`, `2h45m`; `0` needs none.
///
/// Source: <https://pkg.go.dev/time#ParseDuration>
extension Duration: FlagValue {
    package static var placeholder: String { "DURATION" }

    /// Units in nanoseconds, the longest name of a common beginning first.
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ]

    package init(flagText: String) throws(FlagValueError) {
        guard let nanoseconds = Self.nanoseconds(flagText) else {
            throw FlagValueError("is not a duration such as 500ms, 5s, 10m or 1h30m")
        }
        self = .nanoseconds(nanoseconds)
    }

    /// The duration that `text` stands for, `nil` when malformed or beyond 292 years.
    private static func nanoseconds(_ text: String) -> Int64? {
        var rest = Substring(text)
        let isNegative = rest.hasPrefix("-")
        if isNegative || rest.hasPrefix("+") {
            rest = rest.dropFirst()
        }
        if rest == "0" { return 0 }
        if rest.isEmpty { return nil }
        var sum: Int64 = 0
        while !rest.isEmpty {
            guard let term = self.takeTerm(from: &rest) else { return nil }
            let (next, overflows) = sum.addingReportingOverflow(term)
            if overflows { return nil }
            sum = next
        }
        return isNegative ? -sum : sum
    }

    /// Takes one number with its unit off the front of `rest`.
    private static func takeTerm(from rest: inout Substring) -> Int64? {
        let whole = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(whole.count)
        var fraction: Substring = ""
        if rest.hasPrefix(".") {
            rest = rest.dropFirst()
            fraction = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(fraction.count)
        }
        if whole.isEmpty && fraction.isEmpty { return nil }
        let name = rest.prefix { !($0.isASCII && $0.isNumber) && $0 != "." }
        guard let unit = self.units.first(where: { $0.name == name }) else { return nil }
        rest = rest.dropFirst(name.count)
        guard let units = whole.isEmpty ? 0 : Int64(whole) else { return nil }
        let (nanoseconds, overflows) = units.multipliedReportingOverflow(by: unit.nanoseconds)
        if overflows { return nil }
        return self.adding(fraction: fraction, of: unit.nanoseconds, to: nanoseconds)
    }

    /// Adds decimal places, each a tenth of the one before; what is below a nanosecond is cut off.
    private static func adding(
        fraction: Substring,
        of unit: Int64,
        to nanoseconds: Int64
    ) -> Int64? {
        var place = unit
        var sum = nanoseconds
        for digit in fraction {
            guard let value = digit.wholeNumberValue else { return nil }
            // Tenths of a unit that no longer divides by ten would drift; units have no such tail
            // before the nanosecond, where nothing is left to add.
            let (scaled, overflows) = Int64(value).multipliedReportingOverflow(by: place)
            if overflows { return nil }
            let (next, sumOverflows) = sum.addingReportingOverflow(scaled / 10)
            if sumOverflows { return nil }
            sum = next
            place /= 10
        }
        return sum
    }

    /// The length in nanoseconds, which what ``init(flagText:)`` makes always fits.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    package var flagText: String {
        let (seconds, attoseconds) = self.components
        let nanoseconds = attoseconds / 1_000_000_000
        if seconds < 0 || nanoseconds < 0 { return "-" + (Duration.zero - self).flagText }
        if seconds == 0 && nanoseconds == 0 { return "0s" }
        if seconds == 0 || nanoseconds != 0 {
            let all = seconds * 1_000_000_000 + nanoseconds
            if all % 1_000_000 == 0 { return "\(all / 1_000_000)ms" }
            if all % 1_000 == 0 { return "\(all / 1_000)us" }
            return "\(all)ns"
        }
        var text = ""
        for (name, length) in [("h", Int64(3_600)), ("m", 60), ("s", 1)] {
            let count = (name == "h" ? seconds : seconds % (length * 60)) / length
            if count > 0 { text += "\(count)\(name)" }
        }
        return text
    }
}
