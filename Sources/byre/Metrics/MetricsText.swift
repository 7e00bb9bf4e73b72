package import Instrumentation

/// Writes metrics in Prometheus' text format.
///
/// Source: <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
package struct MetricsText: Sendable {
    package enum Kind: String, Sendable {
        case counter
        case gauge
    }

    /// The value of the `content-type` header.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package private(set) var text = ""

    package init() {}

    /// Writes a metric of one sample.
    package mutating func add(_ kind: Kind, _ name: String, _ help: String, _ value: Int) {
        self.add(kind, name, help, [([], value)])
    }

    /// Writes a metric with a sample for each set of labels.
    package mutating func add(
        _ kind: Kind,
        _ name: String,
        _ help: String,
        _ samples: [(labels: [(String, String)], value: Int)]
    ) {
        self.head(kind.rawValue, name, help)
        for (labels, value) in samples {
            self.text += "\(name)\(Self.braced(labels)) \(value)\n"
        }
    }

    /// Writes a metric of one sample that is a number of seconds.
    package mutating func add(
        _ kind: Kind,
        _ name: String,
        _ help: String,
        nanoseconds: Int64
    ) {
        self.head(kind.rawValue, name, help)
        self.text += "\(name) \(Double(nanoseconds) / 1e9)\n"
    }

    /// Writes a histogram.
    /// - Parameter unit: how many of what the histogram counts make one of what the metric's name says:
    ///   1e9 for nanoseconds shown as seconds.
    package mutating func add(
        _ name: String,
        _ help: String,
        _ samples: [(labels: [(String, String)], counts: Histogram.Counts)],
        unit: Double = 1
    ) {
        self.head("histogram", name, help)
        for (labels, counts) in samples {
            var count = 0
            let bounds = counts.scale.bounds.map { Self.number(Double($0) / unit) } + ["+Inf"]
            for (bound, amount) in zip(bounds, counts.buckets) {
                count += amount
                self.text += "\(name)_bucket\(Self.braced(labels + [("le", bound)])) \(count)\n"
            }
            let braced = Self.braced(labels)
            self.text += "\(name)_sum\(braced) \(Self.number(Double(counts.sum) / unit))\n"
            self.text += "\(name)_count\(braced) \(count)\n"
        }
    }

    /// A number as etcd's library writes it: without a fraction when there is none.
    private static func number(_ value: Double) -> String {
        let isWhole = value == value.rounded() && abs(value) < 1e15
        return isWhole ? "\(Int(value))" : "\(value)"
    }

    private mutating func head(_ kind: String, _ name: String, _ help: String) {
        self.text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
    }

    private static func braced(_ labels: [(String, String)]) -> String {
        if labels.isEmpty { return "" }
        let pairs = labels.map { name, value in "\(name)=\"\(self.escaped(value))\"" }
        return "{" + pairs.joined(separator: ",") + "}"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("\n", with: "\\n")
    }
}
