/// Lists of a prefix.
package struct ListWorkload: Workload {
    package static let name = "list"
    package static let summary = "lists a prefix by pages, or all at once"
    package static let flags = [
        Flag("page", "N", "keys in a page; 0 is all of them in one answer (500)"),
        Flag("first-page", nil, "the first page alone, over and over"),
        Flag("stream", nil, "by RangeStream instead of Range"),
    ]
    package static let columns = [
        "page.per_second", "page.p50_us", "page.p99_us", "page.items_per_second",
        "page.received_bytes_per_second", "server.cpu_us_per_operation",
        "server.rss_growth_bytes",
    ]

    private let shape: LoadShape
    private let keys: Keys
    private let valueBytes: Int
    private let pages: ListSource.Pages

    package init(_ options: Options) throws(Failure) {
        self.shape = try options.shape()
        self.keys = try options.keys()
        self.valueBytes = try options.number("value-bytes", 1024)
        var pages = ListSource.Pages()
        pages.limits = [Int64(try options.number("page", 500))]
        pages.walks = !options.isSet("first-page")
        pages.isStreamed = options.isSet("stream")
        self.pages = pages
    }

    package func prepare(_ host: Host) throws(Failure) {
        try host.fill(self.keys, valueBytes: self.valueBytes)
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        try LoadRun(host, self.shape).measure(kinds: ["page"]) {
            _ in
            ListSource(self.keys, self.pages)
        }
    }
}

/// Counts of a prefix.
package struct CountWorkload: Workload {
    package static let name = "count"
    package static let summary = "counts the keys of a prefix (1000000 of 256 bytes)"
    package static let columns = [
        "count.per_second", "count.mean_us", "count.p99_us", "server.cpu_us_per_operation",
    ]

    private let shape: LoadShape
    private let keys: Keys
    private let valueBytes: Int

    package init(_ options: Options) throws(Failure) {
        self.shape = try options.shape()
        self.keys = try options.keys(1_000_000)
        self.valueBytes = try options.number("value-bytes", 256)
    }

    package func prepare(_ host: Host) throws(Failure) {
        try host.fill(self.keys, valueBytes: self.valueBytes)
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        try LoadRun(host, self.shape)
            .measure(kinds: [Self.name]) { _ in CountSource(self.keys) }
    }
}

/// Counts a prefix, over and over.
package final class CountSource: Source {
    private let keys: Keys
    private var options = Requests.RangeOptions()

    package init(_ keys: Keys) {
        self.keys = keys
        self.options.end = keys.end
        self.options.isCountOnly = true
    }

    package func prepare(_ call: Call) -> Bool {
        call.method = .range
        call.keepsMessages = true
        Requests.range(self.keys.prefix, self.options, into: &call.request)
        return true
    }

    package func received(_ message: UnsafeRawBufferPointer, _ call: Call) {
        call.note = Answers.range(message).count
    }

    package func outcome(of call: Call) -> Recorder.Outcome {
        call.note == Int64(self.keys.count)
            ? .succeeded : .failed("counted \(call.note) keys instead of \(self.keys.count)")
    }
}
