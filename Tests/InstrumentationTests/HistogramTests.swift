import Instrumentation
import Testing

@Suite struct HistogramTests {
    @Test(arguments: [
        (-5, 0), (0, 0), (1, 0), (10, 0), (11, 1), (20, 1), (21, 2), (40, 2), (41, 3), (80, 3),
        (81, 4), (1_000_000, 4), (Int.max, 4),
    ])
    func anAmountCountsInTheFirstBucketThatHoldsIt(_ amount: Int, _ bucket: Int) {
        let histogram = Histogram(Histogram.Scale(first: 10, count: 4))
        histogram.record(amount)
        let counts = histogram.counts
        #expect(counts.buckets.firstIndex(of: 1) == bucket)
        #expect(counts.count == 1)
        #expect(counts.sum == max(0, amount))
        let alone = Histogram(Histogram.Scale(first: 10, count: 4))
        alone.recordAlone(amount)
        #expect(alone.counts == counts)
    }

    @Test(arguments: [Histogram.Scale.durations, .sizes])
    func aBoundBelongsToItsOwnBucket(_ scale: Histogram.Scale) {
        let histogram = Histogram(scale)
        for bound in scale.bounds {
            histogram.record(bound)
            histogram.record(bound + 1)
        }
        let expected = [1] + Array(repeating: 2, count: scale.count - 1) + [1]
        // With a first bound of 1, one more than the first is the second.
        if scale.first > 1 { #expect(histogram.counts.buckets == expected) }
        #expect(histogram.counts.count == 2 * scale.count)
    }

    @Test func theBoundsDouble() {
        #expect(Histogram.Scale(first: 3, count: 4).bounds == [3, 6, 12, 24])
        #expect(Histogram.Scale.durations.bounds.last == 8_192_000_000)
        #expect(Histogram.Scale.durations.bounds.contains(1_000_000))
    }

    @Test func countsOfSeveralHistogramsAddUp() {
        let scale = Histogram.Scale(first: 2, count: 2)
        let one = Histogram(scale)
        let other = Histogram(scale)
        one.record(1)
        one.record(100)
        other.record(3)
        var total = Histogram.Counts(scale)
        total += one.counts
        total += other.counts
        #expect(total.buckets == [1, 1, 1])
        #expect(total.sum == 104)
    }
}
