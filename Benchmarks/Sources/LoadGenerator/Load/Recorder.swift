import Histogram

/// What came of the operations of one kind.
package struct Series: Sendable {
    /// Latencies above this are counted as this: nanoseconds.
    package static let latencyMax: UInt64 = 120_000_000_000

    private var latency = Histogram<UInt64>(
        highestTrackableValue: Series.latencyMax,
        numberOfSignificantValueDigits: .three
    )
    package var succeeded = 0
    /// Transactions whose comparison failed.
    package var conflicts = 0
    package var failed = 0
    package var receivedBytes = 0
    /// Keys, events or whatever else the answers held.
    package var items = 0

    package init() {}

    package mutating func record(nanoseconds: UInt64) {
        self.latency.record(min(max(nanoseconds, 1), Self.latencyMax))
    }

    /// Nanoseconds that so many of a hundred stay below.
    package func latency(percentile: Double) -> UInt64 {
        self.latency.valueAtPercentile(percentile)
    }

    package var latencyMax: UInt64 { self.latency.max }
    package var latencyMean: Double { self.latency.totalCount == 0 ? 0 : self.latency.mean }

    package mutating func add(_ other: Series) {
        self.latency.add(other.latency)
        self.succeeded += other.succeeded
        self.conflicts += other.conflicts
        self.failed += other.failed
        self.receivedBytes += other.receivedBytes
        self.items += other.items
    }
}

/// The series of one worker, and the time in which operations count.
package struct Recorder: Sendable {
    /// What ends in here is recorded (in an open loop, what is due in here); the rest warms up.
    package var window: Range<UInt64> = 0..<UInt64.max
    package private(set) var series: [Series]
    /// The first failure, for whoever reads the report.
    package private(set) var problem: String?

    package init(kinds: Int) {
        self.series = Array(repeating: Series(), count: kinds)
    }

    /// What an operation came to.
    package enum Outcome: Sendable {
        case succeeded
        case conflict
        case failed(String)
    }

    package mutating func record(
        _ kind: Int,
        _ outcome: Outcome,
        from intended: UInt64,
        to end: UInt64,
        counted: Bool = true,
        bytes: Int = 0,
        items: Int = 0
    ) {
        if case .failed(let reason) = outcome, self.problem == nil { self.problem = reason }
        guard counted else { return }
        switch outcome {
        case .succeeded:
            self.series[kind].succeeded += 1
            self.series[kind].record(nanoseconds: end > intended ? end - intended : 0)
            self.series[kind].receivedBytes += bytes
            self.series[kind].items += items
        case .conflict: self.series[kind].conflicts += 1
        case .failed: self.series[kind].failed += 1
        }
    }

    package mutating func add(_ other: Recorder) {
        for kind in self.series.indices { self.series[kind].add(other.series[kind]) }
        self.problem = self.problem ?? other.problem
    }
}
