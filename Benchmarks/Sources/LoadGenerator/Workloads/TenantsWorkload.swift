/// What tenants without keys and connections cost.
package struct TenantsWorkload: Workload {
    package static let name = "tenants"
    package static let summary =
        "creates tenants, one after another; the target is Byre's admin API, as unix:admin.sock"
    package static let flags = [
        Flag("count", "N", "tenants that a round creates (500)")
    ]
    package static let columns = [
        "create.per_second", "create.p50_us", "create.p99_us", "bytes_per_tenant",
        "disk.written_bytes_per_operation",
    ]

    private let count: Int

    package init(_ options: Options) throws(Failure) {
        self.count = try options.count("count", 500)
    }

    package func measure(_ host: Host) throws(Failure) -> Metrics {
        // Names that no round before had.
        let prefix = "t" + String(Monotonic.now, radix: 36) + "-"
        let driver = LoadDriver(source: TenantSource(prefix: prefix, count: self.count), kinds: 1)
        let worker = Worker(driver: driver)
        try driver.connect(worker, to: [host.target], connections: 1, streams: 1, firstLane: 0)
        defer { worker.closeAll() }
        worker.run()
        let before = ProcessUse.settled(host.processes)
        let start = Monotonic.now
        var disk = host.disk?.use.map { DiskWatch(from: $0, at: start) }
        driver.begin(.closedLoop(start: start), window: 0..<UInt64.max, isOpenLoop: false)
        worker.run()
        if let failure = driver.failure { throw Failure("\(host.target.name): \(failure)") }
        let end = Monotonic.now
        if let use = host.disk?.use { disk?.look(use, at: end) }
        var metrics = Metrics()
        let seconds = Double(end - start) / 1e9
        metrics.add("create", driver.recorder.series[0], seconds: seconds)
        disk?.report(to: &metrics, operations: Double(self.count))
        if !host.processes.isEmpty {
            let after = ProcessUse.settled(host.processes)
            let each = Double(self.count)
            metrics["bytes_per_tenant"] = (after.residentBytes - before.residentBytes) / each
            metrics["server.cpu_us_per_operation"] =
                (after.cpuSeconds - before.cpuSeconds) / each * 1e6
        }
        metrics.problem = driver.recorder.problem
        return metrics
    }
}

/// Creates tenants, each once.
private final class TenantSource: Source {
    private let prefix: String
    private let count: Int
    private var next = 0

    init(prefix: String, count: Int) {
        self.prefix = prefix
        self.count = count
    }

    func prepare(_ call: Call) -> Bool {
        guard self.next < self.count else { return false }
        call.method = .tenantCreate
        call.keepsMessages = false
        Requests.tenantCreate(Array("\(self.prefix)\(self.next)".utf8), into: &call.request)
        self.next += 1
        return true
    }
}
