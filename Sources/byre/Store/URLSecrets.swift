/// The passwords in URLs of databases, which nobody else may see.
///
/// Works on anything that looks like such a URL, also on one that is refused.
package enum URLSecrets {
    private static let mask = "***"

    /// A text with each password replaced.
    package static func masked(_ text: String) -> String {
        var bytes = Array(text.utf8)
        for range in self.ranges(in: bytes).reversed() {
            bytes.replaceSubrange(range, with: self.mask.utf8)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Where the passwords are: between the first `:` after `//` and the last `@`, and in settings
    /// whose names end in `password`.
    /// - Returns: ranges in order that do not overlap.
    package static func ranges(in text: [UInt8]) -> [Range<Int>] {
        guard let scheme = text.firstRange(of: Array("://".utf8)) else { return [] }
        var ranges: [Range<Int>] = []
        var rest = scheme.upperBound
        if let at = text[rest...].lastIndex(of: UInt8(ascii: "@")) {
            if let colon = text[rest..<at].firstIndex(of: UInt8(ascii: ":")), colon + 1 < at {
                ranges.append(colon + 1..<at)
            }
            rest = at
        }
        let name = Array("password=".utf8)
        while let found = text[rest...].firstRange(of: name) {
            let end = text[found.upperBound...].firstIndex(of: UInt8(ascii: "&")) ?? text.count
            if found.upperBound < end { ranges.append(found.upperBound..<end) }
            rest = end
        }
        return ranges
    }
}
