/// How many ask, how often, and for how long.
package struct LoadShape: Sendable, Hashable {
    package var connections = 1
    /// Requests at once on each connection.
    package var streams = 1
    package var threads = 1
    /// Requests a second of all together; nil for a closed loop.
    package var rate: Double?
    package var arrivals = Schedule.Arrivals.constant
    /// Seconds before the measurement, and of it.
    package var warmup = 0.5
    package var seconds = 3.0

    package init() {}

    package var lanes: Int { self.connections * self.streams }
}
