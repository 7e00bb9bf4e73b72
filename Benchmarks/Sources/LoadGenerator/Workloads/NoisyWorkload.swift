/// What one tenant feels of another.
package struct NoisyWorkload: Workload {
    package static let name = "noisy"
    package static let summary =
        "one tenant's updates: alone, beside a flood of puts, beside large lists"
    package static let flags = [
        Flag("neighbour", "NAME=URL", "where the neighbour of a target is (the target itself)"),
        Flag("neighbour-prefix", "TEXT", "what the neighbour's keys begin with (/neighbour/)"),
        Flag("flood-clients", "N", "lanes of the flood, over 16 connections (256)"),
        Flag("list-keys", "N", "keys of 10 KiB that the neighbour lists (10000)"),
    ]
    package static let columns = [
        "alone.per_second", "alone.p50_us", "alone.p99_us", "flood.p50_us", "flood.p99_us",
        "flood.p99_ratio", "flood.neighbour_per_second", "list.p50_us", "list.p99_us",
        "list.p99_ratio", "list.neighbour_bytes_per_second",
    ]
    private static let floodConnections = 16
    private static let listBytes = 10_240
    /// How long the neighbour is at work before the victim begins, and after it ends: nanoseconds.
    private static let lead: UInt64 = 1_000_000_000

    private let shape: LoadShape
    private let keys: Keys
    private let valueBytes: Int
    private let floodClients: Int
    private let flood: Keys
    private let large: Keys
    private let neighbours: [Host]

    package init(_ options: Options) throws(Failure) {
        self.shape = try options.shape()
        self.keys = try options.keys(100)
        guard self.keys.count >= self.shape.lanes else {
            throw Failure("--keys has to be \(self.shape.lanes) at least: each lane has its own")
        }
        self.valueBytes = try options.number("value-bytes", 1024)
        self.floodClients = try options.count("flood-clients", 256)
        let prefix = options.text("neighbour-prefix") ?? "/neighbour/"
        self.flood = Keys(prefix: prefix + "flood/", count: 1_000)
        self.large = Keys(prefix: prefix + "large/", count: try options.count("list-keys", 10_000))
        self.neighbours =
            options.isSet("neighbour") ? try Host.all(options, flag: "neighbour") : []
    }

    private func neighbour(of host: Host) -> Host {
        self.neighbours.first { $0.target.name == host.target.name } ?? host
    }

    package func prepare(_ host: Host) throws(Failure) {
        try self.neighbour(of: host).fill(self.large, valueBytes: Self.listBytes)
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        var metrics = Metrics()
        let alone = try self.victim(host)
        self.take(alone, "alone", into: &metrics)

        var pages = ListSource.Pages()
        pages.limits = [0]
        let noises: [(name: String, connections: Int, streams: Int, source: any Source)] = [
            (
                "flood", min(Self.floodConnections, self.floodClients),
                max(1, self.floodClients / Self.floodConnections),
                PutSource(self.flood, valueBytes: self.valueBytes, worker: 0)
            ),
            ("list", 1, 1, ListSource(self.large, pages)),
        ]
        for noise in noises {
            let driver = LoadDriver(source: noise.source, kinds: 1)
            let worker = Worker(driver: driver)
            try driver.connect(
                worker,
                to: [self.neighbour(of: host).target],
                connections: noise.connections,
                streams: noise.streams,
                firstLane: 0
            )
            worker.run()
            let start = Monotonic.now
            let time = Monotonic.nanoseconds(self.shape.warmup + self.shape.seconds)
            let window = start + Self.lead..<start + 2 * Self.lead + time
            driver.begin(.closedLoop(start: start), window: window, isOpenLoop: false)
            let thread = LoadThread(worker)
            Monotonic.wait(until: start + Self.lead)
            let result = Result { () throws(Failure) in try self.victim(host) }
            thread.join()
            worker.closeAll()
            if let failure = driver.failure { throw Failure("\(host.target.name): \(failure)") }
            self.take(try result.get(), noise.name, into: &metrics)
            let series = driver.recorder.series[0]
            let seconds = Double(window.count) / 1e9
            metrics["\(noise.name).neighbour_per_second"] = Double(series.succeeded) / seconds
            metrics["\(noise.name).neighbour_bytes_per_second"] =
                Double(series.receivedBytes) / seconds
            if let own = metrics["\(noise.name).p99_us"], let quiet = metrics["alone.p99_us"] {
                metrics["\(noise.name).p99_ratio"] = quiet > 0 ? own / quiet : 0
            }
        }
        return metrics
    }

    private func victim(_ host: Host) throws(Failure) -> Metrics {
        let table = KeyTable(count: self.keys.count)
        try host.learn(self.keys, table, valueBytes: self.valueBytes)
        return try LoadRun(host, self.shape)
            .measure(kinds: TxnSource.kinds) { _ in
                TxnSource(
                    [self.keys],
                    table,
                    .update,
                    lanes: self.shape.lanes,
                    valueBytes: self.valueBytes
                )
            }
    }

    private func take(_ victim: Metrics, _ name: String, into metrics: inout Metrics) {
        for (number, value) in victim.values where number.hasPrefix("update.") {
            metrics[name + number.dropFirst("update".count)] = value
        }
        metrics.problem = metrics.problem ?? victim.problem
    }
}
