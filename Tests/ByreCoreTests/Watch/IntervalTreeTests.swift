import ByreCore
import ByreTestKit
import Testing

@Suite struct IntervalTreeTests {
    /// An interval of the model: what the tree must agree with.
    private struct Interval: Hashable {
        var start: Bytes
        var end: Bytes?

        func contains(_ key: Bytes) -> Bool {
            guard compareBytes(self.start, key) <= 0 else { return false }
            guard let end else { return true }
            return compareBytes(key, end) < 0
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func stabbingFindsWhatBruteForceFinds(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        // Few bytes and lengths, so that starts, ends and keys often meet.
        func bytes() -> Bytes {
            (0..<Int.random(in: 0...3, using: &random)).map { _ in
                UInt8.random(in: 0...4, using: &random)
            }
        }
        var tree = IntervalTree<Int>()
        var model: [Interval: Int] = [:]
        for step in 0..<1500 {
            let interval = Interval(
                start: bytes(),
                end: Int.random(in: 0..<8, using: &random) == 0 ? nil : bytes()
            )
            // Grows at first, shrinks to nothing in the end.
            let adds = Int.random(in: 0..<1500, using: &random) >= step
            if adds, model[interval] == nil {
                model[interval] = step
                tree.insert(start: interval.start, end: interval.end, step)
            } else if let gone = model.keys.randomElement(using: &random) {
                model[gone] = nil
                tree.remove(start: gone.start, end: gone.end)
            }
            #expect(tree.count == model.count)
            if step.isMultiple(of: 50) {
                let violation = tree.violation()
                #expect(violation == nil)
            }
            let key = bytes()
            var found: [Int] = []
            tree.stab(key, into: &found)
            let expected = model.filter { $0.key.contains(key) }.map(\.value)
            #expect(found.sorted() == expected.sorted(), "seed \(seed), step \(step), \(key)")
        }
    }

    @Test func sortedInsertionStaysBalanced() {
        var tree = IntervalTree<Int>()
        for number in 0..<2000 {
            let key = Bytes("\(100_000 + number)".utf8)
            tree.insert(start: key, end: key + [0], number)
        }
        #expect(tree.violation() == nil)
        var found: [Int] = []
        tree.stab(Bytes("101234".utf8), into: &found)
        #expect(found == [1234])
    }
}
