import ByreCore
import Engine
import Testing

@Suite struct ValueCacheTests {
    /// What an entry counts for beside its value.
    private static let overhead = 96
    private static let shards = 16
    private static let tenant = TenantID(rawValue: 1)
    private static let neighbour = TenantID(rawValue: 2)

    private func row(_ number: Int64) -> RowID { RowID(rawValue: number) }

    @Test func itHoldsNoMoreThanItsCapacity() {
        let cache = ValueCache(capacity: 64 << 10)
        for number in 1...10_000 as ClosedRange<Int64> {
            cache.insert(
                Bytes(repeating: 1, count: Int(number % 200)),
                of: self.row(number),
                tenant: Self.tenant
            )
            #expect(cache.bytes <= 64 << 10)
        }
        #expect(cache.bytes > 48 << 10)
        #expect(cache.value(of: self.row(1)) == nil)
        #expect(cache.value(of: self.row(10_000)) == Bytes(repeating: 1, count: 0))
    }

    @Test func aCacheOfNothingHoldsNothing() {
        let cache = ValueCache(capacity: 0)
        cache.insert([], of: self.row(1), tenant: Self.tenant)
        cache.insert([1], of: self.row(2), tenant: Self.tenant)
        #expect(cache.value(of: self.row(1)) == nil)
        #expect(cache.bytes == 0)
    }

    @Test func aValueThatIsTooLargeIsNotKeptAndDrivesNothingOut() {
        let cache = ValueCache(capacity: 16 * 1000)
        cache.insert([1], of: self.row(16), tenant: Self.tenant)
        cache.insert(Bytes(repeating: 0, count: 905), of: self.row(32), tenant: Self.tenant)
        #expect(cache.value(of: self.row(32)) == nil)
        #expect(cache.value(of: self.row(16)) == [1])
    }

    @Test func whatIsOfferedTakesThePlaceOfWhatWasNotUsedAlone() {
        let room = 4 * (Self.overhead + 1)
        let cache = ValueCache(capacity: Self.shards * room)
        for number in 1...4 as ClosedRange<Int64> {
            cache.offer([1], of: self.row(16 * number), tenant: Self.tenant)
        }
        for number in [1, 2, 3] as [Int64] { _ = cache.value(of: self.row(16 * number)) }
        for number in 5...50 as ClosedRange<Int64> {
            cache.offer([2], of: self.row(16 * number), tenant: Self.neighbour)
        }
        // However many are offered, what was used does not age.
        for number in [1, 2, 3] as [Int64] {
            #expect(cache.value(of: self.row(16 * number)) == [1])
        }
        #expect(cache.value(of: self.row(16 * 4)) == nil)
        for number in 60...69 as ClosedRange<Int64> {
            cache.insert([3], of: self.row(16 * number), tenant: Self.tenant)
        }
        #expect(cache.value(of: self.row(16 * 69)) == [3])
    }

    /// Rows of one shard: those that are equal modulo the number of shards.
    @Test func whatWasUsedStaysAndWhatWasNotGoes() {
        let room = 4 * (Self.overhead + 1)
        let cache = ValueCache(capacity: Self.shards * room)
        for number in 1...4 as ClosedRange<Int64> {
            cache.insert([1], of: self.row(16 * number), tenant: Self.tenant)
        }
        _ = cache.value(of: self.row(16))
        _ = cache.value(of: self.row(48))
        cache.insert([2], of: self.row(16 * 5), tenant: Self.tenant)
        cache.insert([2], of: self.row(16 * 6), tenant: Self.tenant)
        let held = (1...6).map { cache.value(of: self.row(16 * $0)) != nil }
        #expect(held == [true, false, true, false, true, true])
        #expect(cache.bytes == room)
    }

    @Test func whatIsRemovedMakesRoomAndMayComeBack() {
        let cache = ValueCache(capacity: Self.shards * 3 * (Self.overhead + 1))
        for round in 0..<50 as Range<Int64> {
            let rows = (1...3).map { self.row(16 * ($0 + round)) }
            for row in rows { cache.insert([UInt8(round)], of: row, tenant: Self.tenant) }
            cache.remove(rows.dropFirst())
            #expect(cache.value(of: rows[1]) == nil)
            cache.insert([7], of: rows[1], tenant: Self.tenant)
            #expect(cache.value(of: rows[1]) == [7])
            cache.remove(rows)
            #expect(cache.bytes == 0)
        }
        cache.remove([self.row(5)])
        #expect(cache.bytes == 0)
    }

    // MARK: Several tenants

    /// A cache that one tenant has filled.
    private func filledCache(entries: Int64) -> ValueCache {
        let cache = ValueCache(capacity: Self.shards * Int(entries) * (Self.overhead + 1))
        for number in 1...entries {
            cache.insert([1], of: self.row(16 * number), tenant: Self.tenant)
        }
        return cache
    }

    @Test func whoHoldsLessThanTheAverageGrowsAtTheOthersCost() {
        let cache = self.filledCache(entries: 100)
        for number in 1...50 as ClosedRange<Int64> {
            cache.insert([2], of: self.row(16 * (1_000 + number)), tenant: Self.neighbour)
            #expect(
                cache.bytes(of: Self.neighbour) >= (Int(number) * 7 / 8) * (Self.overhead + 1)
            )
        }
        #expect(cache.bytes == 100 * (Self.overhead + 1))
    }

    @Test func aFloodDrivesOutItsOwnValuesAndNotTheUsedOnesOfOthers() {
        let cache = self.filledCache(entries: 100)
        let hot = (1...10).map { self.row(16 * (1_000 + $0)) }
        for row in hot {
            cache.insert([2], of: row, tenant: Self.neighbour)
            _ = cache.value(of: row)
        }
        for number in 1...10_000 as ClosedRange<Int64> {
            cache.insert([3], of: self.row(16 * (2_000 + number)), tenant: Self.tenant)
            // Each is used now and then.
            if number % 10 == 0 {
                #expect(cache.value(of: hot[Int(number / 10) % 10]) != nil, "\(number)")
            }
        }
        #expect(cache.bytes(of: Self.neighbour) == 10 * (Self.overhead + 1))
    }

    @Test func whatATenantThatWentQuietHoldsIsHandedOver() {
        let cache = self.filledCache(entries: 100)
        for number in 1...2_000 as ClosedRange<Int64> {
            cache.insert([2], of: self.row(16 * (1_000 + number)), tenant: Self.neighbour)
        }
        #expect(cache.bytes(of: Self.tenant) == 0)
        #expect(cache.bytes(of: Self.neighbour) == 100 * (Self.overhead + 1))
    }

    @Test func theAccountsOfTenantsAddUp() {
        let cache = ValueCache(capacity: 64 << 10)
        let tenants = (1...7).map { TenantID(rawValue: $0) }
        for number in 1...5_000 as ClosedRange<Int64> {
            let row = self.row(number)
            let value = Bytes(repeating: 1, count: Int(number % 300))
            cache.insert(value, of: row, tenant: tenants[Int(number * number % 7)])
            if number % 3 == 0 { cache.remove([self.row(number - 1)]) }
            if number % 500 == 0 {
                #expect(tenants.reduce(0) { $0 + cache.bytes(of: $1) } == cache.bytes)
            }
        }
        cache.remove((1...5_000).map(self.row))
        #expect(cache.bytes == 0)
        #expect(tenants.allSatisfy { cache.bytes(of: $0) == 0 } as Bool)
    }
}
