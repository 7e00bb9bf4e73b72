extension FlagParser {
    /// Width that help is wrapped to, as a terminal's usual one.
    private static var helpWidth: Int { 80 }

    /// The flags as help shows them: under headings, each with its value, its default, its
    /// environment variable and what it does.
    package func helpText() -> String {
        var sections: [String] = []
        for group in self.table.groups {
            let flags = group.flags.filter { self.isOffered($0) || self.mentionsRefused($0) }
            if flags.isEmpty { continue }
            let entries = flags.map(self.helpEntry).joined(separator: "\n")
            sections.append("\(group.title):\n\(entries)")
        }
        sections.append(
            """
            Other:
              -h, --help
                Show this help and exit.
              --version
                Show the version and exit.
            """
        )
        return sections.joined(separator: "\n\n") + "\n"
    }

    /// Whether help names a flag only to say why it is refused: where etcd's whole list is shown.
    private func mentionsRefused(_ flag: Flag<Options>) -> Bool {
        if case .refused = flag.use { return self.acceptsAllOfEtcd }
        return false
    }

    private func helpEntry(_ flag: Flag<Options>) -> String {
        var lines = ["  \(flag.typed)" + (flag.isBoolean ? "" : " \(flag.placeholder)")]
        lines += wrapped(flag.help, width: Self.helpWidth, indent: 4)
        var facts = flag.defaultText.isEmpty ? [] : ["default \(flag.defaultText)"]
        if flag.origin != .commandLine { facts.append("env \(self.environmentName(of: flag))") }
        if !facts.isEmpty { lines.append("    [\(facts.joined(separator: "; "))]") }
        return lines.joined(separator: "\n")
    }
}

/// Breaks `text` between words into lines of at most `width` columns, each with `indent` spaces
/// before it; a longer word stands alone.
/// - Complexity: O(`text.count`).
package func wrapped(_ text: String, width: Int, indent: Int) -> [String] {
    let margin = String(repeating: " ", count: indent)
    var lines: [String] = []
    var line = margin
    for word in text.split(whereSeparator: \.isWhitespace) {
        if line.count > indent && line.count + 1 + word.count > width {
            lines.append(line)
            line = margin
        }
        line += (line.count > indent ? " " : "") + word
    }
    lines.append(line)
    return lines
}
