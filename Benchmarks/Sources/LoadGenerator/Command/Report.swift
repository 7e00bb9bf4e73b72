import FoundationEssentials

/// What all rounds on all targets came to.
package struct Report {
    /// The rounds of one target.
    package struct Row {
        package let name: String
        package var rounds: [Metrics] = []
        /// Why it was not measured to the end.
        package var failure: String?

        package init(name: String) {
            self.name = name
        }

        var problem: String? { self.failure ?? self.rounds.lazy.compactMap(\.problem).first }
    }

    package let workload: String
    package let arguments: [String]
    package var rows: [Row]

    package init(workload: String, arguments: [String], rows: [Row]) {
        self.workload = workload
        self.arguments = arguments
        self.rows = rows
    }

    /// A Markdown table of medians: a line for each number, a column for each target.
    package func table(_ columns: [String]) -> String {
        let medians = self.rows.map { Metrics.medians(of: $0.rounds) }
        var text = "| \(self.workload) | " + self.rows.map(\.name).joined(separator: " | ")
        text += medians.count > 1 ? " | ratio |\n" : " |\n"
        text += "|---|" + String(repeating: "---:|", count: medians.count)
        text += medians.count > 1 ? "---:|\n" : "\n"
        for column in columns {
            let values = medians.map { $0[column] }
            guard values.contains(where: { $0 != nil }) else { continue }
            text += "| \(column) |"
            for value in values { text += " \(value.map(Self.format) ?? "") |" }
            if values.count > 1 {
                if let first = values[0], let second = values[1], second != 0 {
                    text += " \(Self.format(first / second)) |"
                } else {
                    text += " |"
                }
            }
            text += "\n"
        }
        for row in self.rows {
            if let problem = row.problem { text += "\n\(row.name): \(problem)\n" }
        }
        return text
    }

    package static func format(_ value: Double) -> String {
        let digits = abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : 2
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let rounded = (value * scale).rounded() / scale
        guard digits > 0, abs(rounded) < 1e15 else {
            return rounded.isFinite ? String(Int(rounded)) : "?"
        }
        return String(rounded)
    }

    private struct Body: Encodable {
        struct Row: Encodable {
            let name: String
            let median: [String: Double]
            let rounds: [[String: Double]]
            let problem: String?
        }

        let workload: String
        let arguments: [String]
        let targets: [Row]
    }

    /// All numbers, as JSON.
    package func json() throws -> String {
        let body = Body(
            workload: self.workload,
            arguments: self.arguments,
            targets: self.rows.map { row in
                let median = Metrics.medians(of: row.rounds)
                return Body.Row(
                    name: row.name,
                    median: median.dictionary,
                    rounds: row.rounds.map(\.dictionary),
                    problem: row.problem
                )
            }
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(body), as: UTF8.self) + "\n"
    }
}

extension Metrics {
    package var dictionary: [String: Double] {
        Dictionary(uniqueKeysWithValues: self.values.map { ($0.name, $0.value) })
    }
}
