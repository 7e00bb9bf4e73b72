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

/// Connections and lanes with which stores are filled, and keys' revisions learnt.
private let fillShape: LoadShape = {
    var shape = LoadShape()
    shape.connections = 4
    shape.streams = 4
    return shape
}()
private let learningStreams = 32

extension Host {
    /// Puts all of `keys`, unless they are there.
    package func fill(_ keys: Keys, valueBytes: Int) throws(Failure) {
        try LoadRun(self, fillShape)
            .exhaust { _ in FillSource(keys, valueBytes: valueBytes) }
    }

    /// Puts all of `keys` and notes their revisions.
    package func learn(_ keys: Keys, _ table: KeyTable, valueBytes: Int) throws(Failure) {
        var shape = fillShape
        shape.streams = max(1, min(learningStreams, keys.count / shape.connections))
        shape.connections = min(shape.connections, keys.count)
        let lanes = shape.lanes
        try LoadRun(self, shape).exhaust { _ in
            TxnSource([keys], table, .learn, lanes: lanes, valueBytes: valueBytes)
        }
    }
}
