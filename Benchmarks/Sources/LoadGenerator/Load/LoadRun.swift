/// One load on one target, from connecting to the numbers.
package struct LoadRun {
    package let host: Host
    package let shape: LoadShape
    /// The target as each of its tenants reaches it.
    private let tenants: [Target]

    /// - Parameter tenants: connection n is of tenant n, and from the first again; without any, all
    ///   connections go to the target itself.
    package init(_ host: Host, _ shape: LoadShape, tenants: [Target] = []) {
        self.host = host
        self.shape = shape
        self.tenants = tenants.isEmpty ? [host.target] : tenants
    }

    /// Measures for the time of the shape.
    /// - Parameters:
    ///   - kinds: the names of the series that requests are told apart by.
    ///   - source: makes the source of a worker.
    package func measure(
        kinds: [String],
        source: (_ worker: Int) -> any Source
    ) throws(Failure) -> Metrics {
        let crew = try self.connect(kinds.count, source)
        let start = Monotonic.now
        let open = start + Monotonic.nanoseconds(self.shape.warmup)
        let end = open + Monotonic.nanoseconds(self.shape.seconds)
        self.begin(crew, start: start, window: open..<end)
        let threads = crew.map { LoadThread($0.worker) }
        let meter = Meter(self.host, from: open, to: end)
        for thread in threads { thread.join() }
        let total = try self.finish(crew)

        var metrics = Metrics()
        for (kind, name) in kinds.enumerated() where total.series[kind].succeeded > 0 || kind == 0 {
            metrics.add(name, total.series[kind], seconds: self.shape.seconds)
        }
        let count = total.series.reduce(0) { $0 + $1.succeeded }
        metrics["per_second"] = Double(count) / self.shape.seconds
        meter.report(to: &metrics, operations: count, seconds: self.shape.seconds)
        if self.shape.rate != nil {
            metrics.add(lateness: crew.reduce(into: Series()) { $0.add($1.driver.lateness) })
        }
        metrics.problem = total.problem
        return metrics
    }

    /// Runs until the sources have nothing more to ask for.
    package func exhaust(source: (_ worker: Int) -> any Source) throws(Failure) {
        let crew = try self.connect(1, source)
        self.begin(crew, start: Monotonic.now, window: 0..<UInt64.max)
        let threads = crew.map { LoadThread($0.worker) }
        for thread in threads { thread.join() }
        let total = try self.finish(crew)
        if let problem = total.problem { throw Failure("\(self.host.target.name): \(problem)") }
    }

    private struct Member {
        let driver: LoadDriver
        let worker: Worker
    }

    private func connect(
        _ kinds: Int,
        _ source: (_ worker: Int) -> any Source
    ) throws(Failure) -> [Member] {
        var crew: [Member] = []
        var lane = 0
        let threads = min(self.shape.threads, self.shape.connections)
        for index in 0..<threads {
            let driver = LoadDriver(source: source(index), kinds: kinds)
            let worker = Worker(driver: driver)
            // The first workers have the connections that do not divide.
            let connections =
                self.shape.connections / threads
                + (index < self.shape.connections % threads ? 1 : 0)
            try driver.connect(
                worker,
                to: self.tenants,
                connections: connections,
                streams: self.shape.streams,
                firstLane: lane
            )
            lane += connections * self.shape.streams
            worker.run()
            if let failure = driver.failure {
                throw Failure("\(self.host.target.name): \(failure)")
            }
            crew.append(Member(driver: driver, worker: worker))
        }
        return crew
    }

    private func begin(_ crew: [Member], start: UInt64, window: Range<UInt64>) {
        for (index, member) in crew.enumerated() {
            let schedule: Schedule =
                if let rate = self.shape.rate {
                    .openLoop(
                        perSecond: rate / Double(crew.count),
                        self.shape.arrivals,
                        start: start,
                        phase: Double(index) / Double(crew.count),
                        seed: UInt64(index)
                    )
                } else {
                    .closedLoop(start: start)
                }
            member.driver.begin(schedule, window: window, isOpenLoop: self.shape.rate != nil)
        }
    }

    private func finish(_ crew: [Member]) throws(Failure) -> Recorder {
        var total: Recorder?
        for member in crew {
            if let failure = member.driver.failure {
                throw Failure("\(self.host.target.name): \(failure)")
            }
            if total == nil {
                total = member.driver.recorder
            } else {
                total?.add(member.driver.recorder)
            }
            member.worker.closeAll()
        }
        guard let total else { throw Failure("a load has a connection at least") }
        return total
    }
}
