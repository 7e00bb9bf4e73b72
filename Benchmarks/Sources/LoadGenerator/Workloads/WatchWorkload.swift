/// Watches, and the events on them.
package struct WatchWorkload: Workload {
    package static let name = "watch"
    package static let summary = "delivers events to many watches: delays, fan-out, catching up"
    package static let flags = [
        Flag("watches", "N", "watches of all connections (500)"),
        Flag("watches-per-stream", "N", "watches that share a stream (1)"),
        Flag("write-rate", "N", "puts a second below the watches (200)"),
        Flag("writer", "NAME=URL", "where a target's writes go (to itself)"),
        Flag("catch-up", "EVENTS", "instead of writing: watch from a revision so many puts ago"),
    ]
    package static let columns = [
        "event.per_second", "event.p50_us", "event.p99_us", "event.max_us",
        "catchup.events_per_second", "missing_events", "server.cpu_percent", "server.rss_bytes",
    ]
    /// Writes are spread over so many lanes.
    private static let writerStreams = 64
    /// How long missing events are waited for: nanoseconds.
    private static let patience: UInt64 = 10_000_000_000
    private static let catchUpPatience: UInt64 = 120_000_000_000

    private let shape: LoadShape
    private let keys: Keys
    private let watches: WatchDriver.Watches
    private let valueBytes: Int
    private let writeRate: Double
    private let history: Int
    private let writers: [Host]

    package init(_ options: Options) throws(Failure) {
        self.shape = try options.shape()
        self.keys = try options.keys(1_000)
        self.valueBytes = try options.number("value-bytes", 1024)
        self.writeRate = try options.decimal("write-rate") ?? 200
        guard self.writeRate > 0 else { throw Failure("--write-rate has to be above 0") }
        self.history = try options.number("catch-up", 0)
        self.writers = options.isSet("writer") ? try Host.all(options, flag: "writer") : []
        var watches = WatchDriver.Watches()
        watches.watchesPerStream = try options.count("watches-per-stream", 1)
        watches.streams = max(1, try options.count("watches", 500) / watches.watchesPerStream)
        watches.connections = min(try options.count("connections", 10), watches.streams)
        self.watches = watches
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        self.history > 0 ? try self.catchUp(host) : try self.live(host)
    }

    private func live(_ host: Host) throws(Failure) -> Metrics {
        let writer = LoadDriver(
            source: StampedPutSource(self.keys, valueBytes: self.valueBytes),
            kinds: 1
        )
        let driver = WatchDriver(self.watches, self.keys, writer: writer)
        let worker = Worker(driver: driver)
        try driver.connect(worker, to: host.target)
        let written = self.writers.first { $0.target.name == host.target.name } ?? host
        try writer.connect(
            worker,
            to: [written.target],
            connections: 1,
            streams: Self.writerStreams,
            firstLane: 0
        )
        defer { worker.closeAll() }
        worker.run()
        try self.check(driver, host)
        let start = Monotonic.now
        let open = start + Monotonic.nanoseconds(self.shape.warmup)
        let end = open + Monotonic.nanoseconds(self.shape.seconds)
        let schedule = Schedule.openLoop(
            perSecond: self.writeRate,
            self.shape.arrivals,
            start: start,
            phase: 0,
            seed: 1
        )
        writer.begin(schedule, window: open..<end, isOpenLoop: true)
        driver.begin(window: open..<end, expected: .max, deadline: end + Self.patience)
        let thread = LoadThread(worker)
        let meter = Meter(host, from: open, to: end)
        thread.join()
        try self.check(driver, host)
        var metrics = Metrics()
        metrics.add("event", driver.recorder.series[0], seconds: self.shape.seconds)
        metrics.add("write", writer.recorder.series[0], seconds: self.shape.seconds)
        metrics["missing_events"] = Double(
            writer.allSucceeded * self.watches.count - driver.events
        )
        metrics.add(lateness: writer.lateness)
        metrics["creation_ms"] = Double(driver.creation) / 1e6
        let events = driver.recorder.series[0].succeeded
        meter.report(to: &metrics, operations: events, seconds: self.shape.seconds)
        metrics.problem = writer.recorder.problem
        return metrics
    }

    /// Puts keys, then has all watches begin before the first of the puts.
    private func catchUp(_ host: Host) throws(Failure) -> Metrics {
        let round = String(Monotonic.now, radix: 36)
        let prefix = String(decoding: self.keys.prefix, as: UTF8.self) + round + "/"
        let keys = Keys(prefix: prefix, count: self.history)
        let before = try host.revision()
        try host.fill(keys, valueBytes: self.valueBytes)
        var watches = self.watches
        watches.from = before + 1
        let driver = WatchDriver(watches, keys, writer: nil)
        let worker = Worker(driver: driver)
        try driver.connect(worker, to: host.target)
        defer { worker.closeAll() }
        let start = Monotonic.now
        let expected = watches.count * self.history
        let own = ProcessUse.ownCPUSeconds
        let use = ProcessUse(of: host.processes)
        driver.begin(window: 0..<0, expected: expected, deadline: start + Self.catchUpPatience)
        worker.run()
        try self.check(driver, host)
        var metrics = Metrics()
        let seconds = Double(driver.lastEvent - start) / 1e9
        metrics["catchup.seconds"] = seconds
        metrics["catchup.events_per_second"] = Double(driver.events) / seconds
        metrics["missing_events"] = Double(expected - driver.events)
        let after = ProcessUse(of: host.processes)
        let each = Double(max(driver.events, 1))
        metrics["server.cpu_us_per_operation"] = (after.cpuSeconds - use.cpuSeconds) / each * 1e6
        metrics["generator.cpu_us_per_operation"] = (ProcessUse.ownCPUSeconds - own) / each * 1e6
        return metrics
    }

    private func check(_ driver: WatchDriver, _ host: Host) throws(Failure) {
        if let failure = driver.failure { throw Failure("\(host.target.name): \(failure)") }
    }
}
