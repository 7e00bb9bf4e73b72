/// What control planes ask, all together.
package struct MixedWorkload: Workload {
    package static let name = "mixed"
    package static let summary = "a control plane's work: idle, S, M, L, storm, relist, event-flood"
    package static let flags = [
        Flag("profile", "NAME", "idle, S, M, L, storm, relist or event-flood (M)"),
        Flag("planes", "N", "control planes at once, by prefix (1)"),
    ]
    package static let columns = [
        "get.per_second", "get.p99_us", "update.per_second", "update.p99_us",
        "create.per_second", "create.p99_us", "delete.per_second", "grant.per_second",
        "page.per_second", "page.p99_us", "page.items_per_second", "ready_seconds",
        "connection.p99_us", "server.cpu_percent", "server.rss_bytes",
    ]
    /// Resources of a control plane: each has a connection with a watch.
    private static let resources = 60
    private static let laneStreams = 32
    /// What a relist lists, and who does.
    private static let listBytes = 1_024
    private static let listLanes = 4

    private enum Kind {
        case rates(MixedProfile)
        case storm
        case relist
    }

    private let kind: Kind
    private let shape: LoadShape
    private let planes: Int
    private let keys: Keys

    package init(_ options: Options) throws(Failure) {
        self.shape = try options.shape()
        self.planes = try options.count("planes", 1)
        self.keys = try options.keys()
        switch options.text("profile") ?? "M" {
        case "storm": self.kind = .storm
        case "relist": self.kind = .relist
        case let name:
            guard let profile = MixedProfile(rawValue: name) else {
                throw Failure("--profile is idle, S, M, L, storm, relist or event-flood")
            }
            self.kind = .rates(profile)
        }
    }

    package func prepare(_ host: Host) throws(Failure) {
        switch self.kind {
        case .rates: break
        case .storm, .relist: try host.fill(self.keys, valueBytes: Self.listBytes)
        }
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        switch self.kind {
        case .rates(let profile): return try self.work(host, profile)
        case .relist:
            var pages = ListSource.Pages()
            // As kubectl does, and as an API server's cache.
            pages.limits = [500, 10_000]
            var shape = self.shape
            shape.connections = max(shape.connections, Self.listLanes)
            return try LoadRun(host, shape)
                .measure(kinds: ["page"]) { _ in ListSource(self.keys, pages) }
        case .storm:
            var fleet = FleetDriver.Fleet()
            fleet.connections = self.planes * Self.resources
            fleet.watches = fleet.connections
            fleet.lists = true
            fleet.inFlightMax = fleet.connections
            // One resource of each control plane has many objects, the others few.
            let few = Keys(prefix: "/registry/none/", count: 1)
            let prefixes = [self.keys] + Array(repeating: few, count: Self.resources - 1)
            return try FleetRun(host, fleet, targets: [host.target], prefixes: prefixes)
                .measure(seconds: 0)
        }
    }

    /// The profile's requests at its rate, with its watches open beside.
    private func work(_ host: Host, _ profile: MixedProfile) throws(Failure) -> Metrics {
        let prefix = String(decoding: self.keys.prefix, as: UTF8.self)
        let round = prefix + String(Monotonic.now, radix: 36) + "/"
        var fleet = FleetDriver.Fleet()
        fleet.connections = self.planes * Self.resources
        fleet.watches = fleet.connections
        let names = ["leases/", "pods/", "events/", "minions/", "configmaps/", "secrets/"]
        let prefixes = names.map { Keys(prefix: round + $0, count: 1) }
        var made: Worker?
        let watcher = FleetDriver(fleet, targets: [host.target], prefixes: prefixes) { made }
        let worker = Worker(driver: watcher)
        made = worker
        defer {
            worker.closeAll()
            made = nil
        }
        worker.run()
        if let failure = watcher.failure { throw Failure("\(host.target.name): \(failure)") }

        let rates = profile.rates
        let planes = Double(self.planes)
        let time = Monotonic.nanoseconds(self.shape.warmup + self.shape.seconds)
        watcher.progressRate = rates.progress * planes
        watcher.rest(until: Monotonic.now + time)
        var shape = self.shape
        shape.rate = rates.total * planes
        shape.arrivals = .poisson
        shape.connections = max(shape.connections, min(16, self.planes))
        shape.streams = max(shape.streams, Self.laneStreams)
        // One source, so that what it creates is new.
        shape.threads = 1
        let thread = LoadThread(worker)
        let result = Result { () throws(Failure) in
            try LoadRun(host, shape)
                .measure(kinds: MixedSource.kinds) { _ in
                    MixedSource(prefix: round, rates)
                }
        }
        thread.join()
        var metrics = try result.get()
        if let failure = watcher.failure { throw Failure("\(host.target.name): \(failure)") }
        metrics["watch.messages"] = Double(watcher.messages)
        return metrics
    }
}
