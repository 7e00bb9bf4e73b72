import ByreCore
import ByreTestKit
import Synchronization
import Testing

private struct State: Sendable {
    var index: KeyIndex
    /// The newest revision of the index.
    var round: Int64
}

private final class Published: Sendable {
    private let lock: Mutex<State>

    init(_ state: State) { self.lock = Mutex(state) }

    var state: State {
        get { self.lock.withLock { $0 } }
        set { self.lock.withLock { $0 = newValue } }
    }
}

/// Snapshots are read while the index changes.
@Suite struct KeyIndexSharingTests {
    private func key(_ number: Int) -> Bytes {
        Array("/registry/pods/\(number % 7)/\(number)".utf8)
    }

    @Test func dropOfACopyLeavesTheOriginal() throws {
        var committed = KeyIndex()
        for number in 0..<1_000 { committed.put(self.key(number), .put(Int64(number) + 2)) }
        let contents = committed.contents
        var next = committed
        for number in 0..<2_000 { next.put(self.key(number), .put(5_000 + Int64(number))) }
        next.compactAll(at: 10_000)
        #expect(committed.contents == contents)
        try committed.checkInvariants()
        try next.checkInvariants()
        #expect(next.versionCount == 2_000)
    }

    @Test func readersOnOtherThreadsSeeWholeStates() async throws {
        let keys = 2_000
        let rounds: Int64 = 300
        var first = KeyIndex()
        for number in 0..<keys { first.put(self.key(number), .put(1)) }
        let published = Published(State(index: first, round: 1))

        await withTaskGroup(of: Int.self) { group in
            for reader in 0..<3 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(reader))
                    var faults = 0
                    var round: Int64 = 1
                    while round < rounds {
                        let state = published.state
                        if state.round < round { faults += 1 }
                        round = state.round
                        var live = 0
                        state.index.forEach(in: .all) { _, version in
                            live += 1
                            if version.modRevision > round { faults += 1 }
                            return true
                        }
                        if live != state.index.liveCount { faults += 1 }
                        if live != state.index.count(in: .from(start: [0])) { faults += 1 }
                        let number = Int.random(in: 0..<keys, using: &random)
                        let versions = state.index.versions(of: self.key(number))
                        if versions.contains(where: { $0.modRevision > round }) { faults += 1 }
                        await Task.yield()
                    }
                    return faults
                }
            }
            group.addTask {
                var random = SeededGenerator(seed: 99)
                for round in 2...rounds {
                    // A batch that is dropped, and one that is published.
                    for isDropped in [true, false] {
                        var next = published.state
                        next.round = round
                        for sub in UInt32(0)..<20 {
                            let key = self.key(Int.random(in: 0..<keys, using: &random))
                            let deletes = Int.random(in: 0..<3, using: &random) == 0
                            next.index.put(key, deletes ? .deletion(round, sub) : .put(round, sub))
                        }
                        if round % 16 == 0 { next.index.compactAll(at: round - 1) }
                        if !isDropped { published.state = next }
                    }
                    await Task.yield()
                }
                return 0
            }
            for await faults in group { #expect(faults == 0) }
        }
        try published.state.index.checkInvariants()
    }
}
