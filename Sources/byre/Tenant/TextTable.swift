/// Rows of text in columns, for people.
struct TextTable {
    /// How a column's texts stand in it.
    enum Alignment {
        case left, right
    }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    init(_ columns: [(title: String, alignment: Alignment)]) {
        self.columns = columns
    }

    mutating func add(_ row: [String]) {
        precondition(row.count == self.columns.count, "a row has a text for each column")
        self.rows.append(row)
    }

    /// The title line and the rows, each ending in a line feed.
    var text: String {
        let all = [self.columns.map(\.title)] + self.rows
        let widths = self.columns.indices.map { column in
            all.map { $0[column].count }.max() ?? 0
        }
        return all.map { row in
            let cells = row.enumerated().map { column, text in
                let padding = String(repeating: " ", count: widths[column] - text.count)
                return self.columns[column].alignment == .left ? text + padding : padding + text
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }

    /// Names and values below each other: `Name:  acme`.
    static func list(_ fields: [(name: String, value: String)]) -> String {
        let width = fields.map(\.name.count).max() ?? 0
        return fields.map { name, value in
            let padding = String(repeating: " ", count: width - name.count + 2)
            return "\(name):\(padding)\(value)\n"
        }.joined()
    }
}
