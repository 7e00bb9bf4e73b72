/// One thing that is measured.
package protocol Workload: Sendable {
    /// Its name on the command line, and one line of what it does.
    static var name: String { get }
    static var summary: String { get }
    /// Flags it has beside the common ones.
    static var flags: [Flag] { get }
    /// The numbers that the table shows.
    static var columns: [String] { get }

    init(_ options: Options) throws(Failure)
    /// Makes a target ready, once.
    func prepare(_ host: Host) throws(Failure)
    /// Measures one round.
    func measure(_ host: Host) throws(Failure) -> Metrics
}

extension Workload {
    package static var flags: [Flag] { [] }
    package func prepare(_ host: Host) throws(Failure) {}
}

/// Connections and lanes with which stores are filled.
private let fillShape: LoadShape = {
    var shape = LoadShape()
    shape.connections = 4
    shape.streams = 4
    return shape
}()

extension Host {
    /// Puts all of `keys`, unless they are there.
    package func fill(_ keys: Keys, valueBytes: Int) throws(Failure) {
        try LoadRun(self.target, fillShape, processes: [])
            .exhaust { _ in FillSource(keys, valueBytes: valueBytes) }
    }
}
