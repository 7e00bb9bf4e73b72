import LoadGenerator
import Testing

@Suite struct MetricsTests {
    @Test(
        arguments: [
            ([3.0, 1, 2], 2.0), ([4, 1, 2, 3], 2.5), ([7], 7), ([], 0),
        ] as [([Double], Double)]
    )
    func theMedianIsTheMiddle(values: [Double], median: Double) {
        #expect(Metrics.median(values) == median)
    }
}
