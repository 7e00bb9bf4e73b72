import Instrumentation
import Testing
import byre

@Suite struct MetricsTextTests {
    @Test func metricsAreInPrometheusFormat() {
        var text = MetricsText()
        text.add(.gauge, "a_bytes", "Bytes of a.", 7)
        text.add(.counter, "b_total", "Bs.", [([("x", "1"), ("y", "q\"\\\n")], 2), ([], 3)])
        text.add(.counter, "c_seconds", "Time.", nanoseconds: 1_500_000_000)
        let times = Histogram(Histogram.Scale(first: 100_000_000, count: 3))
        for time in [50_000_000, 100_000_000, 300_000_000, 2_000_000_000] { times.record(time) }
        text.add("d_seconds", "Times.", [([("x", "1")], times.counts)], unit: 1e9)
        #expect(
            text.text == #"""
                # HELP a_bytes Bytes of a.
                # TYPE a_bytes gauge
                a_bytes 7
                # HELP b_total Bs.
                # TYPE b_total counter
                b_total{x="1",y="q\"\\\n"} 2
                b_total 3
                # HELP c_seconds Time.
                # TYPE c_seconds counter
                c_seconds 1.5
                # HELP d_seconds Times.
                # TYPE d_seconds histogram
                d_seconds_bucket{x="1",le="0.1"} 2
                d_seconds_bucket{x="1",le="0.2"} 2
                d_seconds_bucket{x="1",le="0.4"} 3
                d_seconds_bucket{x="1",le="+Inf"} 4
                d_seconds_sum{x="1"} 2.45
                d_seconds_count{x="1"} 4

                """#
        )
    }

    @Test func theProcessUsesSomething() throws {
        let usage = try #require(ProcessUsage())
        #expect(usage.residentBytes > 1 << 20)
        #expect(usage.virtualBytes >= usage.residentBytes)
        #expect(usage.openFiles >= 3)
        #expect(usage.cpuNanoseconds >= 0)
        #expect(usage.startNanoseconds > 1_600_000_000_000_000_000)
    }
}
