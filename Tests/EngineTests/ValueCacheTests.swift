import ByreCore
import Engine
import Testing

@Suite struct ValueCacheTests {
    /// What an entry counts for beside its value.
    private static let overhead = 96
    private static let shards = 16

    private func row(_ number: Int64) -> RowID { RowID(rawValue: number) }

    @Test func itHoldsNoMoreThanItsCapacity() {
        let cache = ValueCache(capacity: 64 << 10)
        for number in 1...10_000 as ClosedRange<Int64> {
            cache.insert(Bytes(repeating: 1, count: Int(number % 200)), of: self.row(number))
            #expect(cache.bytes <= 64 << 10)
        }
        #expect(cache.bytes > 48 << 10)
        #expect(cache.value(of: self.row(1)) == nil)
        #expect(cache.value(of: self.row(10_000)) == Bytes(repeating: 1, count: 0))
    }

    @Test func aCacheOfNothingHoldsNothing() {
        let cache = ValueCache(capacity: 0)
        cache.insert([], of: self.row(1))
        cache.insert([1], of: self.row(2))
        #expect(cache.value(of: self.row(1)) == nil)
        #expect(cache.bytes == 0)
    }

    @Test func aValueThatIsTooLargeIsNotKeptAndDrivesNothingOut() {
        let cache = ValueCache(capacity: 16 * 1000)
        cache.insert([1], of: self.row(16))
        cache.insert(Bytes(repeating: 0, count: 905), of: self.row(32))
        #expect(cache.value(of: self.row(32)) == nil)
        #expect(cache.value(of: self.row(16)) == [1])
    }

    /// Rows of one shard: those that are equal modulo the number of shards.
    @Test func whatWasUsedStaysAndWhatWasNotGoes() {
        let room = 4 * (Self.overhead + 1)
        let cache = ValueCache(capacity: Self.shards * room)
        for number in 1...4 as ClosedRange<Int64> { cache.insert([1], of: self.row(16 * number)) }
        _ = cache.value(of: self.row(16))
        _ = cache.value(of: self.row(48))
        cache.insert([2], of: self.row(16 * 5))
        cache.insert([2], of: self.row(16 * 6))
        let held = (1...6).map { cache.value(of: self.row(16 * $0)) != nil }
        #expect(held == [true, false, true, false, true, true])
        #expect(cache.bytes == room)
    }

    @Test func whatIsRemovedMakesRoomAndMayComeBack() {
        let cache = ValueCache(capacity: Self.shards * 3 * (Self.overhead + 1))
        for round in 0..<50 as Range<Int64> {
            let rows = (1...3).map { self.row(16 * ($0 + round)) }
            for row in rows { cache.insert([UInt8(round)], of: row) }
            cache.remove(rows.dropFirst())
            #expect(cache.value(of: rows[1]) == nil)
            cache.insert([7], of: rows[1])
            #expect(cache.value(of: rows[1]) == [7])
            cache.remove(rows)
            #expect(cache.bytes == 0)
        }
        cache.remove([self.row(5)])
        #expect(cache.bytes == 0)
    }
}
