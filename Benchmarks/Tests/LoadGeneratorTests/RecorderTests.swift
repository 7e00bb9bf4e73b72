import LoadGenerator
import Testing

@Suite struct RecorderTests {
    @Test func percentilesAreThoseOfWhatWasRecorded() {
        var series = Series()
        for microseconds in 1...1_000 as ClosedRange<UInt64> {
            series.record(nanoseconds: microseconds * 1_000)
        }
        for (percentile, expected) in [(50.0, 500_000.0), (99, 990_000), (99.9, 999_000)] {
            let value = Double(series.latency(percentile: percentile))
            // Three digits.
            #expect(abs(value - expected) / expected < 0.002, "\(percentile)")
        }
        #expect(abs(series.latencyMean - 500_500) < 1_000)
    }

    @Test func latencyCountsFromTheIntendedTime() {
        var recorder = Recorder(kinds: 1)
        recorder.record(0, .succeeded, from: 1_000_000, to: 5_000_000)
        #expect(abs(Double(recorder.series[0].latency(percentile: 50)) - 4_000_000) < 4_000)
    }

    @Test func outcomesAreToldApart() {
        var recorder = Recorder(kinds: 2)
        recorder.record(0, .succeeded, from: 0, to: 10, bytes: 7, items: 2)
        recorder.record(1, .conflict, from: 0, to: 10)
        recorder.record(1, .failed("no"), from: 0, to: 10)
        recorder.record(0, .succeeded, from: 0, to: 10, counted: false)
        #expect(recorder.series[0].succeeded == 1)
        #expect(recorder.series[0].receivedBytes == 7)
        #expect(recorder.series[0].items == 2)
        #expect(recorder.series[1].conflicts == 1)
        #expect(recorder.series[1].failed == 1)
        #expect(recorder.problem == "no")
    }

    @Test func workersAreAddedUp() {
        var one = Recorder(kinds: 1)
        var two = Recorder(kinds: 1)
        one.record(0, .succeeded, from: 0, to: 1_000)
        two.record(0, .succeeded, from: 0, to: 9_000)
        two.record(0, .failed("late"), from: 0, to: 9_000)
        one.add(two)
        #expect(one.series[0].succeeded == 2)
        #expect(one.series[0].failed == 1)
        #expect(one.problem == "late")
        #expect(abs(Int(one.series[0].latencyMax) - 9_000) < 20)
    }

    @Test func whatTakesForEverIsTheHighestThereIs() {
        var series = Series()
        series.record(nanoseconds: .max)
        #expect(series.latency(percentile: 100) >= Series.latencyMax)
    }
}
