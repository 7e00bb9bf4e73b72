/// A type whose values can be given on the command line.
///
/// The text forms are those of Go's `flag` package, since etcd's flags are parsed by it.
package protocol FlagValue: Sendable {
    /// What stands for the value in help, for example `DURATION`.
    static var placeholder: String { get }

    /// Whether the flag's name alone, without a value, means `true`.
    static var isBoolean: Bool { get }

    /// Reads the text of a flag or of an environment variable.
    /// - Throws: ``FlagValueError`` when the text is not of this type.
    init(flagText: String) throws(FlagValueError)

    /// The text that reads as this value; shown as the default in help.
    var flagText: String { get }
}

extension FlagValue {
    package static var isBoolean: Bool { false }
}

/// Why a flag's text was refused, as the end of a sentence that begins with the flag and the text.
package struct FlagValueError: Error, Equatable {
    /// For example `is not a duration such as 5s, 10m or 1h30m`.
    package let reason: String
    /// What is shown in place of the text, when that may hold a secret.
    package let shown: String?

    package init(_ reason: String, shown: String? = nil) {
        self.reason = reason
        self.shown = shown
    }
}

extension Bool: FlagValue {
    package static var placeholder: String { "BOOL" }
    package static var isBoolean: Bool { true }

    package init(flagText: String) throws(FlagValueError) {
        switch flagText {
        case "1", "t", "T", "true", "TRUE", "True": self = true
        case "0", "f", "F", "false", "FALSE", "False": self = false
        default: throw FlagValueError("is neither true nor false")
        }
    }

    package var flagText: String { self ? "true" : "false" }
}

extension String: FlagValue {
    package static var placeholder: String { "TEXT" }

    package init(flagText: String) throws(FlagValueError) {
        self = flagText
    }

    package var flagText: String { self }
}

/// Integers in Go's syntax: decimal, or `0x`, `0o`, `0b` and leading-zero octal.
package protocol FlagInteger: FlagValue, FixedWidthInteger {}

extension FlagInteger {
    package static var placeholder: String { "N" }

    package init(flagText: String) throws(FlagValueError) {
        var digits = Substring(flagText)
        let isNegative = digits.hasPrefix("-")
        if isNegative || digits.hasPrefix("+") {
            digits = digits.dropFirst()
        }
        var radix = 10
        for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8)]
        where digits.lowercased().hasPrefix(prefix) && digits.count > prefix.count {
            radix = base
            digits = digits.dropFirst(prefix.count)
            break
        }
        guard let first = digits.first, first != "-", first != "+",
            let value = Self((isNegative ? "-" : "") + digits, radix: radix)
        else {
            throw FlagValueError("is not a whole number from \(Self.min) to \(Self.max)")
        }
        self = value
    }

    package var flagText: String { String(self) }
}

extension Int: FlagInteger {}
extension Int64: FlagInteger {}
extension UInt: FlagInteger {}
extension UInt32: FlagInteger {}
extension UInt64: FlagInteger {}

/// Not given, or given as an empty text, is `nil`.
extension Optional: FlagValue where Wrapped: FlagValue {
    package static var placeholder: String { Wrapped.placeholder }
    package static var isBoolean: Bool { Wrapped.isBoolean }

    package init(flagText: String) throws(FlagValueError) {
        self = flagText.isEmpty ? nil : try Wrapped(flagText: flagText)
    }

    package var flagText: String { self?.flagText ?? "" }
}

/// Elements separated by commas. A repeated element counts once; an empty text is an empty list.
extension Array: FlagValue where Element: FlagValue & Equatable {
    package static var placeholder: String { "\(Element.placeholder),..." }

    package init(flagText: String) throws(FlagValueError) {
        self = []
        guard !flagText.isEmpty else { return }
        for part in flagText.split(separator: ",", omittingEmptySubsequences: false) {
            let element = try Element(flagText: String(part))
            if !self.contains(element) {
                self.append(element)
            }
        }
    }

    package var flagText: String { self.map(\.flagText).joined(separator: ",") }
}

/// An enumeration whose raw values are the texts to choose from.
package protocol FlagChoice: FlagValue, CaseIterable, RawRepresentable where RawValue == String {}

extension FlagChoice {
    package static var placeholder: String {
        self.allCases.map { $0.rawValue.isEmpty ? "''" : $0.rawValue }.joined(separator: "|")
    }

    package init(flagText: String) throws(FlagValueError) {
        guard let value = Self(rawValue: flagText) else {
            throw FlagValueError("is not one of \(Self.placeholder)")
        }
        self = value
    }

    package var flagText: String { self.rawValue }
}
