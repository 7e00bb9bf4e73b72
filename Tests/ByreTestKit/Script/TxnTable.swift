package import ByreCore

/// A tenant's life as a table: in each line a ``Statement``, a bar, and what it answers.
///
/// ```
/// put a=1                              | rev 2
/// txn if mod:a=2 then put a=9 else get a | rev 3 yes: rev 3
/// compact 3                            | rev 3
/// get a at 2                           | compacted
/// ```
package struct TxnTable {
    private let lines: [(statement: Statement, text: String, answer: String)]

    package init(_ text: String) throws(StatementError) {
        var lines: [(Statement, String, String)] = []
        for line in text.split(separator: "\n") {
            let halves = line.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
            let statement = Self.trimmed(halves[0])
            let answer = halves.count == 2 ? Self.trimmed(halves[1]) : ""
            lines.append((try Statement(statement), statement, answer))
        }
        self.lines = lines
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// Runs the table, with one commit for each operation, and once more with one for all, and
    /// recovers the tenant after each run.
    /// - Returns: each line that was answered otherwise than it says, and what was lost in recovery.
    package func mismatches(quota: Quota = .default) throws(BackendError) -> [String] {
        var mismatches: [String] = []
        for grouping in TenantWorld.Grouping.allCases {
            var world = try TenantWorld(grouping: grouping, quota: quota)
            for line in self.lines {
                let answer = try Self.run(line.statement, in: &world)
                if answer != line.answer {
                    mismatches.append(
                        "\(line.text) | \(answer)\n  not: \(line.answer) (commits: \(grouping))"
                    )
                }
            }
            try world.flush()
            guard let recovered = try world.recovered() else { return ["the tenant is lost"] }
            mismatches += world.state.differences(from: recovered)
        }
        return mismatches
    }

    private static func run(
        _ statement: Statement,
        in world: inout TenantWorld
    ) throws(BackendError) -> String {
        let before = world
        let rendering = Rendering { before.value(of: $0) }
        switch statement {
        case .apply(let operation):
            do throws(RequestError) {
                let outcome = try world.apply(operation)
                let after = world
                return Rendering { after.value(of: $0) }.outcome(outcome)
            } catch {
                return rendering.error(error)
            }
        case .get(let request, let isDetailed):
            do throws(RequestError) {
                return rendering.range(try world.range(request), isDetailed: isDetailed)
            } catch {
                return rendering.error(error)
            }
        case .clean: return "removed \(try world.clean())"
        case .changes:
            return world.takeChanges().map(rendering.change).joined(separator: "; ")
        case .leases: return world.state.leaseLines.joined(separator: "; ")
        case .size:
            return "used \(world.state.usedBytes) allocated \(world.state.allocatedBytes)"
        case .alarms:
            return world.state.alarms.sorted().map { "\($0.kind.name) \($0.memberID)" }
                .joined(separator: "; ")
        }
    }
}
