/// The flags of one command, in the order and under the headings that help shows.
package struct FlagTable<Options: FlagOptions>: Sendable {
    /// Flags under one heading.
    package struct Group: Sendable {
        package let title: String
        package let flags: [Flag<Options>]

        package init(_ title: String, _ flags: [Flag<Options>]) {
            self.title = title
            self.flags = flags
        }
    }

    package let groups: [Group]
    private let flagsByName: [String: Flag<Options>]

    /// Makes a table of groups whose flags all have different names.
    package init(_ groups: [Group]) {
        self.groups = groups
        self.flagsByName = Dictionary(
            groups.flatMap(\.flags).map { ($0.name, $0) },
            uniquingKeysWith: { first, _ in
                preconditionFailure("the flag --\(first.name) is in its table twice")
            }
        )
    }

    /// All flags in order.
    package var flags: [Flag<Options>] { self.groups.flatMap(\.flags) }

    /// Returns the flag called `name`, without its dashes.
    package subscript(name: String) -> Flag<Options>? { self.flagsByName[name] }

    /// The flag whose name is nearest to a mistyped one, if any is near.
    /// - Complexity: O(flags × length²); for error messages only.
    package func nearest(to name: String, among isOffered: (Flag<Options>) -> Bool) -> String? {
        let distances = self.flags.filter(isOffered).map { flag in
            (name: flag.name, distance: editDistance(flag.name, name))
        }
        let best = distances.min { $0.distance < $1.distance }
        guard let best, best.distance <= (name.count + 1) / 4 else { return nil }
        return best.name
    }
}

/// How many single-character changes turn `a` into `b`.
/// - Complexity: O(`a.count` × `b.count`).
func editDistance(_ a: String, _ b: String) -> Int {
    let b = Array(b)
    var row = Array(0...b.count)
    for (line, character) in a.enumerated() {
        var diagonal = row[0]
        row[0] = line + 1
        for column in b.indices {
            let substituted = diagonal + (b[column] == character ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(substituted, row[column] + 1, diagonal + 1)
        }
    }
    return row[b.count]
}
