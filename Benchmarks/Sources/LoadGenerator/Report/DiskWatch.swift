/// What a disk did in a time, looked at now and then.
package struct DiskWatch {
    private let first: Disk.Use
    private var last: Disk.Use
    private var lastTime: UInt64
    /// When the disk was first seen at work on what it has not finished since.
    private var stallStart: UInt64?
    /// The longest time in which it finished nothing though it was asked to: nanoseconds. What is
    /// shorter than the pause between two looks is not seen.
    package private(set) var stallMax: UInt64 = 0

    package init(from use: Disk.Use, at time: UInt64) {
        self.first = use
        self.last = use
        self.lastTime = time
    }

    package mutating func look(_ use: Disk.Use, at time: UInt64) {
        if use.finished == self.last.finished, use.inFlight > 0, self.last.inFlight > 0 {
            let start = self.stallStart ?? self.lastTime
            self.stallStart = start
            self.stallMax = max(self.stallMax, time - start)
        } else {
            self.stallStart = nil
        }
        self.last = use
        self.lastTime = time
    }

    package func report(to metrics: inout Metrics, operations: Double) {
        let written = self.last.writtenBytes - self.first.writtenBytes
        let flushes = self.last.flushes - self.first.flushes
        metrics["disk.written_bytes_per_operation"] = written / operations
        metrics["disk.flushes_per_operation"] = flushes / operations
        metrics["disk.stall_ms"] = Double(self.stallMax) / 1e6
    }
}
