import Testing
import byre

@Suite struct MetricsTextTests {
    @Test func metricsAreInPrometheusFormat() {
        var text = MetricsText()
        text.add(.gauge, "a_bytes", "Bytes of a.", 7)
        text.add(.counter, "b_total", "Bs.", [([("x", "1"), ("y", "q\"\\\n")], 2), ([], 3)])
        text.add(.counter, "c_seconds", "Time.", nanoseconds: 1_500_000_000)
        text.addHistogram("d_seconds", "Times.", count: 4, nanoseconds: 250_000_000)
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
                d_seconds_bucket{le="+Inf"} 4
                d_seconds_sum 0.25
                d_seconds_count 4

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
