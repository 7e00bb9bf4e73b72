import ByreCore
import ByreTestKit
import Testing

/// What a start recovers is what was running, whatever happened before.
@Suite struct RecoveryPropertyTests {
    @Test(arguments: 1...12 as ClosedRange<UInt64>, TenantWorld.Grouping.allCases)
    func recoveryGivesTheStateThatWasRunning(
        seed: UInt64,
        grouping: TenantWorld.Grouping
    ) throws {
        var random = SeededGenerator(seed: seed)
        var world = try TenantWorld(grouping: grouping, quota: Quota(bytes: 60_000))
        var script = RandomScript(
            weights: (0..<9).map { _ in Int.random(in: 0...5, using: &random) }
        )
        for step in 1...400 {
            let line = script.line(world.state, using: &random)
            if case .apply(let operation) = try Statement(line) {
                let before = world.state
                let changes = world.changes.count
                do {
                    _ = try world.apply(operation)
                } catch RequestError.noSpace {
                    #expect(world.state.hasAlarm(.noSpace))
                } catch {
                    #expect(world.state.differences(from: before).isEmpty, "\(line): \(error)")
                }
                try Self.checkRevisions(world, before: before, changes: changes)
            } else {
                _ = try world.clean()
            }
            guard step % 40 == 0 else { continue }
            try world.flush()
            let recovered = try #require(try world.recovered())
            try #require(
                world.state.differences(from: recovered) == [],
                "step \(step), seed \(seed)"
            )
            try #require(world.state.usedBytes == Self.size(of: world.state))
        }
        #expect(world.state.revision > 20)
    }

    /// An operation makes the next revision, with its changes numbered from 0, or none.
    private static func checkRevisions(
        _ world: TenantWorld,
        before: TenantState,
        changes: Int
    ) throws {
        let new = world.changes.dropFirst(changes)
        #expect(world.state.revision == before.revision + (new.isEmpty ? 0 : 1))
        for (sub, change) in new.enumerated() {
            #expect(
                change.version.revision == Revision(main: before.revision + 1, sub: UInt32(sub))
            )
            #expect(
                change.previous
                    == (change.version.isCreation
                        ? nil : before.index.version(of: change.key, at: before.revision))
            )
        }
    }

    /// The size counted from nothing.
    private static func size(of state: TenantState) -> Int64 {
        var size = StoredSize.emptyStore
        state.index.forEachEntry { entry in
            for version in entry.versions {
                size += Int64(entry.key.count) + Int64(version.valueSize) + 64
            }
            return true
        }
        return size
    }
}

/// Lines of random statements.
///
/// Kinds are drawn by weights that are drawn themselves, so that in some runs a kind is rare or absent.
private struct RandomScript {
    let weights: [Int]

    init(weights: [Int]) {
        // Without puts nothing happens.
        self.weights = [weights[0] + 3] + weights.dropFirst()
    }

    private var sum: Int { self.weights.reduce(0, +) }

    mutating func line(_ state: TenantState, using random: inout SeededGenerator) -> String {
        var place = Int.random(in: 0..<self.sum, using: &random)
        var kind = 0
        while place >= self.weights[kind] {
            place -= self.weights[kind]
            kind += 1
        }
        switch kind {
        case 0, 1: return self.put(using: &random)
        case 2: return self.delete(using: &random)
        case 3, 4:
            let then = self.ops(depth: 2, using: &random)
            let otherwise = self.ops(depth: 2, using: &random)
            return "txn if ver:\(self.key(&random))>0 then \(then) else \(otherwise)"
        case 5:
            return "grant \(Int.random(in: 1...4, using: &random)) ttl 5"
        case 6:
            return "revoke \(Int.random(in: 1...4, using: &random))"
        case 7:
            let revision = Int64.random(in: state.compactRevision...state.revision, using: &random)
            return "compact \(revision)"
        default:
            return ["clean", "defragment", "disarm NOSPACE 12"].randomElement(using: &random)
                ?? "clean"
        }
    }

    private func key(_ random: inout SeededGenerator) -> String {
        "k\(Int.random(in: 0..<12, using: &random))"
    }

    private func put(using random: inout SeededGenerator) -> String {
        let value = String(repeating: "v", count: Int.random(in: 0...200, using: &random))
        var line = "put \(self.key(&random))=\(value)"
        let lease = Int.random(in: -4...4, using: &random)
        if lease > 0 { line += " lease \(lease)" }
        if Int.random(in: 0..<8, using: &random) == 0 { line += " ignore-value" }
        if Int.random(in: 0..<8, using: &random) == 0 { line += " ignore-lease" }
        return line
    }

    private func delete(using random: inout SeededGenerator) -> String {
        if Bool.random(using: &random) { return "delete \(self.key(&random))" }
        return "delete \(self.key(&random))..\(self.key(&random))"
    }

    private func ops(depth: Int, using random: inout SeededGenerator) -> String {
        (0..<Int.random(in: 1...3, using: &random)).map { _ in
            switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
            case 0..<3: self.put(using: &random)
            case 3..<5: self.delete(using: &random)
            case 5: "get k..z by value desc"
            default: "( then \(self.ops(depth: depth - 1, using: &random)) )"
            }
        }.joined(separator: " , ")
    }
}
