import Synchronization

/// What was done for one tenant, and what is being done, counted by all event loops.
final class WorkCounts: Sendable {
    private let writes = Atomic<Int>(0)
    private let reads = Atomic<Int>(0)
    private let readBytes = Atomic<Int>(0)
    private let calls = Atomic<Int>(0)

    func add(_ amount: Int, of meter: AdmissionQueue.Meter) {
        switch meter {
        case .writes: self.writes.add(amount, ordering: .relaxed)
        case .reads: self.reads.add(amount, ordering: .relaxed)
        case .readBytes: self.readBytes.add(amount, ordering: .relaxed)
        }
    }

    func sum(of meter: AdmissionQueue.Meter) -> Int64 {
        switch meter {
        case .writes: Int64(self.writes.load(ordering: .relaxed))
        case .reads: Int64(self.reads.load(ordering: .relaxed))
        case .readBytes: Int64(self.readBytes.load(ordering: .relaxed))
        }
    }

    func callBegan() { self.calls.add(1, ordering: .relaxed) }

    func callEnded() { self.calls.subtract(1, ordering: .relaxed) }

    /// Calls that began and have not ended.
    var inFlight: Int64 { Int64(self.calls.load(ordering: .relaxed)) }
}
