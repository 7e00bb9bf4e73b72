import ByreTestKit
import Tenancy
import Testing

@Suite struct TokenBucketTests {
    private static let second: Int64 = 1_000_000_000

    @Test func aSecondsWorthMayBeSpentAtOnceAndTheNextWaits() {
        var bucket = TokenBucket(perSecond: 10)
        for _ in 0..<10 {
            #expect(bucket.delay(of: 1, now: 0) == 0)
            bucket.spend(1, now: 0)
        }
        #expect(bucket.delay(of: 1, now: 0) == Self.second / 10)
        #expect(bucket.delay(of: 1, now: Self.second / 10) == 0)
        #expect(bucket.delay(of: 3, now: Self.second / 10) == Self.second / 5)
    }

    @Test func noMoreThanASecondIsSavedUp() {
        var bucket = TokenBucket(perSecond: 10)
        for now in [3_600, 7_200] as [Int64] {
            bucket.spend(10, now: now * Self.second)
            #expect(bucket.delay(of: 1, now: now * Self.second) == Self.second / 10)
        }
    }

    /// More than a bucket holds goes when it is full, and keeps others waiting until it is paid for.
    @Test func whatIsDearerThanABucketIsPaidForAfterwards() {
        var bucket = TokenBucket(perSecond: 100)
        #expect(bucket.delay(of: 1_000, now: 0) == 0)
        bucket.spend(1_000, now: 0)
        #expect(bucket.delay(of: 1, now: 0) == 9 * Self.second + Self.second / 100)
        #expect(bucket.delay(of: 1_000, now: 9 * Self.second) == Self.second)
        #expect(bucket.delay(of: 1_000, now: 10 * Self.second) == 0)
    }

    @Test func whatIsGivenBackMayBeSpentAgain() {
        var bucket = TokenBucket(perSecond: 10)
        bucket.spend(10, now: 0)
        bucket.giveBack(4)
        #expect(bucket.delay(of: 4, now: 0) == 0)
        #expect(bucket.delay(of: 5, now: 0) == Self.second / 10)
    }

    @Test(
        arguments: [(0, 1), (0, Int64.max), (1, Int64.max), (Int64.max, Int64.max)]
            as [(Int64, Int64)]
    )
    func nothingOverflows(rate: Int64, cost: Int64) {
        var bucket = TokenBucket(perSecond: rate)
        for now in 1...3 as ClosedRange<Int64> {
            bucket.spend(cost, now: now)
            #expect(bucket.delay(of: cost, now: now) >= 0)
        }
        #expect(rate > 0 || bucket.delay(of: 1, now: 3_600 * Self.second) > 86_400 * Self.second)
    }

    /// Whatever comes when: in any stretch of time no more is let in than the rate gives, a bucket's
    /// worth, and the last cost.
    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func theRateIsKept(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let rate = Int64.random(in: 1...1_000, using: &random)
        let costMax = Int64.random(in: 1...2_000, using: &random)
        var bucket = TokenBucket(perSecond: rate)
        var now: Int64 = 0
        var spent: Int64 = 0
        for _ in 0..<500 {
            now += .random(in: 0...Self.second / 10, using: &random)
            let cost = Int64.random(in: 1...costMax, using: &random)
            guard bucket.delay(of: cost, now: now) == 0 else { continue }
            bucket.spend(cost, now: now)
            spent += cost
            let allowed = Double(rate) * (Double(now) / 1e9 + 1)
            #expect(Double(spent) <= allowed + Double(max(costMax - rate, 0)) + 1)
        }
        #expect(spent > 0)
    }
}
