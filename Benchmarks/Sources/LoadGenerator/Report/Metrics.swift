/// Named numbers of one round, in the order in which they are reported.
package struct Metrics: Sendable {
    package private(set) var values: [(name: String, value: Double)] = []
    /// The first failure of a request, if any.
    package var problem: String?

    package init() {}

    package subscript(name: String) -> Double? {
        get { self.values.first { $0.name == name }?.value }
        set {
            self.values.removeAll { $0.name == name }
            if let newValue { self.values.append((name, newValue)) }
        }
    }

    /// Reports a series: its rate, its latencies in microseconds, what failed.
    package mutating func add(_ name: String, _ series: Series, seconds: Double) {
        self["\(name).per_second"] = Double(series.succeeded) / seconds
        for (label, percentile) in Self.percentiles {
            self["\(name).\(label)_us"] =
                Double(series.latency(percentile: percentile)) / 1000
        }
        self["\(name).max_us"] = Double(series.latencyMax) / 1000
        self["\(name).mean_us"] = series.latencyMean / 1000
        self["\(name).count"] = Double(series.succeeded)
        self["\(name).failed"] = Double(series.failed)
        if series.conflicts > 0 { self["\(name).conflicts"] = Double(series.conflicts) }
        if series.items > 0 { self["\(name).items_per_second"] = Double(series.items) / seconds }
        self["\(name).received_bytes_per_second"] = Double(series.receivedBytes) / seconds
    }

    /// Reports how late this process was in sending what was due.
    package mutating func add(lateness: Series) {
        self["generator.late_p99_us"] = Double(lateness.latency(percentile: 99)) / 1000
        self["generator.late_max_us"] = Double(lateness.latencyMax) / 1000
    }

    package static let percentiles = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p999", 99.9)]

    /// The median of each number that all rounds have.
    package static func medians(of rounds: [Metrics]) -> Metrics {
        var result = Metrics()
        guard let first = rounds.first else { return result }
        for (name, _) in first.values {
            let values = rounds.compactMap { $0[name] }
            result[name] = Self.median(values)
        }
        result.problem = rounds.lazy.compactMap(\.problem).first
        return result
    }

    /// The middle value; the mean of the two middle ones of an even number.
    package static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
