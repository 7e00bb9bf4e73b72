import ByreCore
import ByreTestKit
import Testing

/// Random operations on an index and on a model that cannot be wrong.
@Suite struct KeyIndexModelTests {
    /// How a run draws its keys and operations.
    struct Weather: Sendable, CustomTestStringConvertible {
        var name: String
        var seed: UInt64
        var operations: Int
        /// How many different keys there are.
        var keys: Int
        var deletePercent: Int
        var sameRevisionPercent: Int
        /// Operations between compactions, on average.
        var compactEvery: Int
        /// Most operations between full comparisons.
        var checkEvery: Int

        var testDescription: String { "\(self.name), seed \(self.seed)" }
    }

    private static let weathers: [Weather] = [
        Weather(
            name: "few keys",
            seed: 1,
            operations: 3_000,
            keys: 12,
            deletePercent: 30,
            sameRevisionPercent: 30,
            compactEvery: 50,
            checkEvery: 60
        ),
        Weather(
            name: "one leaf to two",
            seed: 2,
            operations: 4_000,
            keys: 90,
            deletePercent: 40,
            sameRevisionPercent: 10,
            compactEvery: 80,
            checkEvery: 100
        ),
        Weather(
            name: "growing",
            seed: 3,
            operations: 12_000,
            keys: 100_000,
            deletePercent: 10,
            sameRevisionPercent: 5,
            compactEvery: 1_000,
            checkEvery: 4_000
        ),
        Weather(
            name: "shrinking",
            seed: 4,
            operations: 10_000,
            keys: 4_000,
            deletePercent: 60,
            sameRevisionPercent: 5,
            compactEvery: 500,
            checkEvery: 4_000
        ),
        Weather(
            name: "never compacted",
            seed: 5,
            operations: 6_000,
            keys: 40,
            deletePercent: 20,
            sameRevisionPercent: 20,
            compactEvery: .max,
            checkEvery: 1_500
        ),
    ]

    @Test(arguments: weathers)
    func indexEqualsModelAndSnapshotsStayAsTheyWere(weather: Weather) throws {
        var random = SeededGenerator(seed: weather.seed)
        var index = KeyIndex()
        var model = KeyIndexModel()
        var snapshots: [(index: KeyIndex, model: KeyIndexModel)] = []
        var revision = Revision(main: 1, sub: 0)
        var compactRevision: Int64 = 0
        var nextCheck = 0

        for operation in 0..<weather.operations {
            if Int.random(in: 0..<100, using: &random) < weather.sameRevisionPercent {
                revision.sub += 1
            } else {
                revision = Revision(main: revision.main + 1, sub: 0)
            }
            let key = self.key(Int.random(in: 0..<weather.keys, using: &random))
            let isDelete = Int.random(in: 0..<100, using: &random) < weather.deletePercent
            let version: Version =
                isDelete
                ? .deletion(revision.main, revision.sub) : .put(revision.main, revision.sub)
            #expect(index.put(key, version) == model.versions[key]?.last)
            model.put(key, version)

            if Int.random(in: 0..<weather.compactEvery, using: &random) == 0 {
                compactRevision = Int64.random(in: compactRevision...revision.main, using: &random)
                self.compact(&index, &model, at: compactRevision)
            }
            if operation == nextCheck {
                nextCheck += Int.random(in: 1...weather.checkEvery, using: &random)
                try self.check(index, model, through: revision.main, &random)
                snapshots.append((index, model))
            }
        }
        try self.check(index, model, through: revision.main, &random)

        // Until nothing is left.
        for key in model.keys(in: .all) {
            guard model.versions[key]?.last?.isTombstone == false else { continue }
            revision = Revision(main: revision.main + 1, sub: 0)
            index.put(key, .deletion(revision.main))
            model.put(key, .deletion(revision.main))
        }
        #expect(index.liveCount == 0)
        let halfway = revision.main - Int64(model.versions.count / 2)
        self.compact(&index, &model, at: max(halfway, compactRevision))
        try self.check(index, model, through: revision.main, &random)
        self.compact(&index, &model, at: revision.main + 1)
        #expect(index.keyCount == 0 && index.versionCount == 0)
        try self.check(index, model, through: revision.main, &random)

        for snapshot in snapshots {
            try snapshot.index.checkInvariants()
            #expect(snapshot.index.contents == snapshot.model.versions)
        }
    }

    /// A key for `number`, in an order of its own, with shared prefixes and several lengths.
    private func key(_ number: Int) -> Bytes {
        let kinds = ["pods", "p", "leases/kube-node-lease", "events"]
        let name = String(UInt64(number) &* 0x9E37_79B9_7F4A_7C15, radix: 36)
        return Array(
            "/registry/\(kinds[number % kinds.count])/\(name.prefix(2 + number % 12))/\(number)"
                .utf8
        )
    }

    private func compact(_ index: inout KeyIndex, _ model: inout KeyIndexModel, at revision: Int64)
    {
        let keys = model.keys(in: .all).filter { !model.compactable($0, at: revision).isEmpty }
        #expect(index.compactable(at: revision) == keys)
        for key in keys {
            var removed: [Version] = []
            index.compact(key, at: revision) { removed.append($0) }
            #expect(removed == model.compactable(key, at: revision))
            model.compact(key, at: revision)
        }
        #expect(index.compactable(at: revision) == [])
    }

    private func check(
        _ index: KeyIndex,
        _ model: KeyIndexModel,
        through newest: Int64,
        _ random: inout SeededGenerator
    ) throws {
        try index.checkInvariants()
        #expect(index.contents == model.versions)
        #expect(index.keyCount == model.versions.count)
        #expect(index.versionCount == model.versions.values.reduce(0) { $0 + $1.count })
        #expect(index.liveCount == model.live(in: .all).count)

        let keys = model.keys(in: .all)
        for range in self.ranges(keys, &random) {
            let live = model.live(in: range)
            #expect(index.live(in: range) == live)
            #expect(index.count(in: range) == live.count)

            let revision = Int64.random(in: 0...newest + 1, using: &random)
            let visible = model.live(in: range, at: revision)
            #expect(index.live(in: range, at: revision) == visible)
            #expect(index.count(in: range, at: revision) == visible.count)

            let last = Int64.random(in: revision...newest + 1, using: &random)
            #expect(
                index.changes(in: range, from: revision, through: last)
                    == model.changes(in: range, from: revision, through: last)
            )
        }
        for key in keys.shuffled(using: &random).prefix(20) + [[], self.key(-1 & 0xFFFF)] {
            #expect(index.latest(of: key) == model.versions[key]?.last)
            #expect(index.versions(of: key) == model.versions[key, default: []])
            for version in model.versions[key, default: []] {
                for revision in version.modRevision - 1...version.modRevision + 1 {
                    #expect(
                        index.version(of: key, at: revision)
                            == model.version(of: key, at: revision)
                    )
                }
            }
        }
    }

    /// Ranges of each kind, full and empty, with ends on and between keys.
    private func ranges(_ keys: [Bytes], _ random: inout SeededGenerator) -> [KeyRange] {
        func bound() -> Bytes {
            var key = keys.randomElement(using: &random) ?? [1]
            switch Int.random(in: 0..<4, using: &random) {
            case 0: key.append(0)
            case 1: key.removeLast(min(3, key.count))
            default: break
            }
            return key
        }
        let (a, b) = (bound(), bound())
        return [
            .all, .key(bound()), .key([]), .from(start: bound()), .from(start: [255]),
            .interval(start: a, end: b), .interval(start: b, end: a), .interval(start: a, end: a),
            .interval(start: a, end: a + [0]),
        ]
    }
}
