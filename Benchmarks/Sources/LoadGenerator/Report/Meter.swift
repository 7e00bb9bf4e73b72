/// What the target's processes, its disk and this process used in a time.
package struct Meter {
    /// How often memory and disk are looked at: nanoseconds.
    private static let sampleInterval: UInt64 = 20_000_000

    private let before: ProcessUse
    private let after: ProcessUse
    private let ownCPUSeconds: Double
    private let peakBytes: Double
    private let isLocal: Bool
    private let disk: DiskWatch?

    /// Blocks the calling thread until `end`.
    package init(_ host: Host, from start: UInt64, to end: UInt64) {
        let processes = host.processes
        Monotonic.wait(until: start)
        let own = ProcessUse.ownCPUSeconds
        let before = ProcessUse(of: processes)
        var disk = host.disk?.use.map { DiskWatch(from: $0, at: Monotonic.now) }
        var peak = before.residentBytes
        while Monotonic.now < end {
            Monotonic.wait(until: min(end, Monotonic.now + Self.sampleInterval))
            if let use = host.disk?.use { disk?.look(use, at: Monotonic.now) }
            guard !processes.isEmpty else { continue }
            peak = max(peak, ProcessUse(of: processes).residentBytes)
        }
        self.before = before
        self.after = ProcessUse(of: processes)
        self.peakBytes = max(peak, self.after.residentBytes)
        self.ownCPUSeconds = ProcessUse.ownCPUSeconds - own
        self.isLocal = !processes.isEmpty
        self.disk = disk
    }

    package func report(to metrics: inout Metrics, operations: Int, seconds: Double) {
        let each = Double(max(operations, 1))
        if self.isLocal {
            let cpu = self.after.cpuSeconds - self.before.cpuSeconds
            metrics["server.cpu_us_per_operation"] = cpu / each * 1e6
            metrics["server.cpu_percent"] = cpu / seconds * 100
            metrics["server.rss_bytes"] = self.after.residentBytes
            metrics["server.rss_growth_bytes"] = self.peakBytes - self.before.residentBytes
        }
        self.disk?.report(to: &metrics, operations: each)
        metrics["generator.cpu_us_per_operation"] = self.ownCPUSeconds / each * 1e6
        metrics["generator.cpu_percent"] = self.ownCPUSeconds / seconds * 100
    }
}
