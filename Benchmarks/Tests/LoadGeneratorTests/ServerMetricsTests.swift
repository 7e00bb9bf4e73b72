import LoadGenerator
import Testing

@Suite struct ServerMetricsTests {
    private static let page = """
        HTTP/1.1 200 OK\r
        Content-Type: text/plain\r
        \r
        # TYPE byre_cache_bytes gauge
        byre_cache_bytes 268435456
        byre_cache_bytes_of{tenant="a"} 7
        go_memstats_alloc_bytes 1.5e+07
        """

    @Test(
        arguments: [
            ("byre_cache_bytes", 268_435_456), ("go_memstats_alloc_bytes", 15_000_000),
            ("no_such", nil), ("#", nil),
        ] as [(String, Double?)]
    )
    func aNumberIsFoundByItsName(name: String, value: Double?) {
        #expect(ServerMetrics.value(name, in: Self.page) == value)
    }

    @Test func nobodyWhoListensTellsNothing() throws {
        let endpoint = try Endpoint(parsing: "a=unix:/no/such/socket")
        #expect(ServerMetrics.value("x", of: endpoint) == nil)
    }
}
