/// Reads the members of an object and gathers what is wrong with them, each with its path.
struct FieldReader {
    /// `spec.limits.bytes: must be a number of bytes, as 8Gi`.
    private(set) var errors: [String] = []

    /// Says that a field is wrong.
    mutating func fail(_ path: String, _ problem: String) {
        self.errors.append("\(path): \(problem)")
    }

    /// Reads a member that may be left out.
    /// - Parameters:
    ///   - expected: What is said of one that `read` does not take.
    mutating func optional<Value>(
        _ name: String,
        of object: JSONValue?,
        at path: String,
        _ expected: String,
        _ read: (JSONValue) -> Value?
    ) -> Value? {
        guard let value = object?[name] else { return nil }
        guard let result = read(value) else {
            self.fail("\(path).\(name)", "must be \(expected)")
            return nil
        }
        return result
    }

    mutating func text(_ name: String, of object: JSONValue?, at path: String) -> String? {
        self.optional(name, of: object, at: path, "a text that is not empty") {
            $0.text.flatMap { $0.isEmpty ? nil : $0 }
        }
    }

    mutating func flag(_ name: String, of object: JSONValue?, at path: String) -> Bool? {
        self.optional(name, of: object, at: path, "true or false") { $0.bool }
    }

    mutating func count(_ name: String, of object: JSONValue?, at path: String) -> Int64? {
        self.optional(name, of: object, at: path, "a number that is not negative") {
            $0.integer.flatMap { $0 >= 0 ? $0 : nil }
        }
    }

    mutating func bytes(_ name: String, of object: JSONValue?, at path: String) -> Int64? {
        self.optional(name, of: object, at: path, "a number of bytes, as 8Gi") { value in
            value.integer.flatMap { $0 >= 0 ? $0 : nil } ?? value.text.flatMap(Quantity.bytes)
        }
    }

    mutating func seconds(_ name: String, of object: JSONValue?, at path: String) -> Int64? {
        self.optional(name, of: object, at: path, "a time, as 24h or 1h30m") {
            $0.text.flatMap(Quantity.seconds)
        }
    }

    mutating func choice<Choice>(
        _ name: String,
        of object: JSONValue?,
        at path: String,
        _ choices: [String: Choice]
    ) -> Choice? {
        let names = choices.keys.sorted().joined(separator: ", ")
        return self.optional(name, of: object, at: path, "one of \(names)") {
            $0.text.flatMap { choices[$0] }
        }
    }
}

/// Amounts as people write them in objects.
package enum Quantity {
    private static let byteUnits: [(suffix: String, factor: Int64)] = [
        ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40),
        ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000),
    ]

    /// Bytes: digits, and a unit of Kubernetes' quantities if any.
    /// - Returns: nil for what is none, or too many.
    package static func bytes(_ text: String) -> Int64? {
        let unit = self.byteUnits.first { text.hasSuffix($0.suffix) }
        let digits = text.dropLast(unit?.suffix.count ?? 0)
        guard let number = self.number(digits) else { return nil }
        let (product, isTooLarge) = number.multipliedReportingOverflow(by: unit?.factor ?? 1)
        return isTooLarge ? nil : product
    }

    /// Seconds of a time as Go writes it, in whole hours, minutes and seconds: `1h30m`.
    /// - Returns: nil for what is none, or longer than a thousand years.
    package static func seconds(_ text: String) -> Int64? {
        var total: Int64 = 0
        var rest = text[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let factors: [Character: Int64] = ["h": 3_600, "m": 60, "s": 1]
            guard let unit = rest.popFirst(), let factor = factors[unit],
                let number = self.number(digits), number <= 31_536_000_000
            else { return nil }
            total += number * factor
        }
        return total <= 31_536_000_000 ? total : nil
    }

    private static func number(_ digits: Substring) -> Int64? {
        // Int64 would take a sign.
        guard digits.first.map({ $0.isASCII && $0.isNumber }) ?? false else { return nil }
        return Int64(digits)
    }
}
