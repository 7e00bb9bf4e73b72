/// Many connections and watches of many tenants.
package struct DensityWorkload: Workload {
    package static let name = "density"
    package static let summary = "opens connections and watches of many tenants and keeps them"
    package static let flags = [
        Tenants.flag,
        Flag("watches", "N", "so many of the connections have a watch (all)"),
        Flag("list", nil, "each watch's prefix is listed first"),
    ]
    package static let columns = [
        "connection.count", "ready_per_second", "connection.p99_us", "bytes_per_connection",
        "server.rss_bytes", "server.cpu_us_per_connection", "idle_cpu_percent",
    ]

    private let options: Options
    private let tenants: Int
    private let fleet: FleetDriver.Fleet
    private let seconds: Double

    package init(_ options: Options) throws(Failure) {
        self.options = options
        self.tenants = try options.count("tenants", 1)
        var fleet = FleetDriver.Fleet()
        fleet.connections = try options.count("connections", 1)
        fleet.watches = min(
            fleet.connections,
            try options.number("watches", fleet.connections)
        )
        fleet.lists = options.isSet("list")
        self.fleet = fleet
        self.seconds = try options.decimal("seconds") ?? 3
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        let targets = try host.target.tenants(self.tenants)
        let prefix = self.options.text("prefix") ?? "/registry/"
        let prefixes = Tenants.keys(Keys(prefix: prefix, count: 1), self.tenants)
        return try FleetRun(host, self.fleet, targets: targets, prefixes: prefixes)
            .measure(seconds: self.seconds)
    }
}

/// What connections cost in memory.
package struct MemoryWorkload: Workload {
    package static let name = "memory"
    package static let summary =
        "the server's memory for each idle connection, and with a watch on it"
    package static let columns = [
        "idle.bytes_per_connection", "watch.bytes_per_connection", "server.rss_bytes",
    ]
    private let connections: Int
    private let keys: Keys

    package init(_ options: Options) throws(Failure) {
        self.connections = try options.count("connections", 500)
        self.keys = try options.keys()
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        var metrics = Metrics()
        // The idle ones stay open: what they leave would be used again by the others.
        var fleets: [OpenFleet] = []
        defer { for fleet in fleets { fleet.close() } }
        for (name, watches) in [("idle", 0), ("watch", self.connections)] {
            var fleet = FleetDriver.Fleet()
            fleet.connections = self.connections
            fleet.watches = watches
            let part = try FleetRun(host, fleet, targets: [host.target], prefixes: [self.keys])
                .measure(seconds: 0, open: &fleets)
            metrics["\(name).bytes_per_connection"] = part["bytes_per_connection"]
            metrics["server.rss_bytes"] = part["server.rss_bytes"]
        }
        return metrics
    }
}

/// Connections that stay open until they are closed.
package struct OpenFleet {
    /// Held because the worker does not.
    fileprivate let driver: FleetDriver
    fileprivate let worker: Worker

    package func close() { self.worker.closeAll() }
}

/// Opens a fleet and measures what it costs.
package struct FleetRun {
    private let host: Host
    private let fleet: FleetDriver.Fleet
    private let targets: [Target]
    private let prefixes: [Keys]

    package init(
        _ host: Host,
        _ fleet: FleetDriver.Fleet,
        targets: [Target],
        prefixes: [Keys]
    ) {
        self.host = host
        self.fleet = fleet
        self.targets = targets
        self.prefixes = prefixes
    }

    /// Opens the fleet, measures, and closes it.
    /// - Parameter seconds: how long the server is watched with all connections open.
    package func measure(seconds: Double) throws(Failure) -> Metrics {
        var fleets: [OpenFleet] = []
        defer { for fleet in fleets { fleet.close() } }
        return try self.measure(seconds: seconds, open: &fleets)
    }

    /// Leaves the fleet open and adds it to `fleets`: the caller closes it.
    package func measure(seconds: Double, open fleets: inout [OpenFleet]) throws(Failure) -> Metrics
    {
        let processes = self.host.processes
        let before = ProcessUse.settled(processes)
        let start = Monotonic.now
        var made: Worker?
        let driver = FleetDriver(self.fleet, targets: self.targets, prefixes: self.prefixes) {
            made
        }
        let worker = Worker(driver: driver)
        made = worker
        fleets.append(OpenFleet(driver: driver, worker: worker))
        worker.run()
        if let failure = driver.failure { throw Failure("\(self.host.target.name): \(failure)") }
        let took = Double(Monotonic.now - start) / 1e9
        let open = ProcessUse.settled(processes)
        var metrics = Metrics()
        metrics.add("connection", driver.recorder.series[0], seconds: took)
        metrics["ready_seconds"] = took
        metrics["ready_per_second"] = Double(self.fleet.connections) / took
        let each = Double(self.fleet.connections)
        if !processes.isEmpty {
            metrics["bytes_per_connection"] = (open.residentBytes - before.residentBytes) / each
            metrics["server.rss_bytes"] = open.residentBytes
            metrics["server.cpu_us_per_connection"] =
                (open.cpuSeconds - before.cpuSeconds) / each * 1e6
        }
        guard seconds > 0 else { return metrics }
        let rest = Monotonic.now
        driver.rest(until: rest + Monotonic.nanoseconds(seconds))
        worker.run()
        if let failure = driver.failure { throw Failure("\(self.host.target.name): \(failure)") }
        let after = ProcessUse(of: processes)
        if !processes.isEmpty {
            metrics["idle_cpu_percent"] = (after.cpuSeconds - open.cpuSeconds) / seconds * 100
        }
        return metrics
    }
}

extension ProcessUse {
    /// How long memory may take to settle, how often it is looked at, and what change is none.
    private static let settleTime: UInt64 = 3_000_000_000
    private static let settleInterval: UInt64 = 200_000_000
    private static let settleBytes = 1_048_576.0

    /// What processes use once their memory no longer changes by itself.
    package static func settled(_ processes: [Int32]) -> ProcessUse {
        var last = ProcessUse(of: processes)
        guard !processes.isEmpty else { return last }
        let end = Monotonic.now + Self.settleTime
        while Monotonic.now < end {
            Monotonic.wait(until: Monotonic.now + Self.settleInterval)
            let next = ProcessUse(of: processes)
            let isSettled = abs(next.residentBytes - last.residentBytes) < Self.settleBytes
            last = next
            if isSettled { break }
        }
        return last
    }
}
