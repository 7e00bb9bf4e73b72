import GRPC
package import Instrumentation

/// What one loop counts.
///
/// Written by its loop only, read by anyone: no count is ever locked.
final class Counters: Sendable {
    /// One more than the largest status code.
    static let codeCount = 17

    private let methodCount: Int
    /// For each method: started, then handled by code; after all methods the sums of ``Total``.
    private let cells: Cells
    /// Times from the head of a request to its outcome, of calls that succeeded and that did not.
    let durations: [Histogram]
    let failureDurations: [Histogram]

    /// Sums that are not a method's.
    enum Total: Int, CaseIterable {
        case bytesIn
        case bytesOut
        case connectionsAccepted
        case connectionsClosed
        case connectionsRefused
        case requestsRefused
    }

    /// What is counted of a method, before its calls by code.
    private enum Count: Int, CaseIterable {
        case started
        case received
        case sent
    }

    private static let methodCells = Count.allCases.count + Counters.codeCount

    init(methodCount: Int) {
        self.methodCount = methodCount
        self.cells = Cells(count: methodCount * Self.methodCells + Total.allCases.count)
        self.durations = (0..<methodCount).map { _ in Histogram(.durations) }
        self.failureDurations = (0..<methodCount).map { _ in Histogram(.durations) }
    }

    func started(method: Int) { self.add(.started, method) }

    /// A message of a stream came in.
    func received(method: Int) { self.add(.received, method) }

    /// A message of a stream went out.
    func sent(method: Int) { self.add(.sent, method) }

    func handled(method: Int, code: Int, nanoseconds: UInt64) {
        self.cells.addAlone(1, at: method * Self.methodCells + Count.allCases.count + code)
        let nanoseconds = Int(clamping: nanoseconds)
        if code == 0 {
            self.durations[method].recordAlone(nanoseconds)
        } else {
            self.failureDurations[method].recordAlone(nanoseconds)
        }
    }

    func add(_ count: Int, to total: Total) {
        self.cells.addAlone(count, at: self.methodCount * Self.methodCells + total.rawValue)
    }

    private func add(_ count: Count, _ method: Int) {
        self.cells.addAlone(1, at: method * Self.methodCells + count.rawValue)
    }

    private func value(_ count: Count, _ method: Int) -> Int {
        self.cells.value(at: method * Self.methodCells + count.rawValue)
    }

    func handled(of method: Int, code: Int) -> Int {
        self.cells.value(at: method * Self.methodCells + Count.allCases.count + code)
    }

    func started(of method: Int) -> Int { self.value(.started, method) }
    func received(of method: Int) -> Int { self.value(.received, method) }
    func sent(of method: Int) -> Int { self.value(.sent, method) }

    func value(of total: Total) -> Int {
        self.cells.value(at: self.methodCount * Self.methodCells + total.rawValue)
    }
}

/// The sums of all loops at about one moment.
package struct ServerCounts: Sendable {
    /// The calls of one method.
    package struct MethodCounts: Sendable {
        /// As in `:path`.
        package let path: String
        package let isStreaming: Bool
        package private(set) var started: Int
        /// How many calls ended with each code, by ``Status/Code``'s raw value.
        package private(set) var handled: [Int]
        /// Messages that came in and went out.
        package private(set) var received: Int
        package private(set) var sent: Int
        /// Nanoseconds from the head of the request to the outcome, of calls that succeeded.
        package private(set) var durations: Histogram.Counts
        /// The same of calls that did not.
        package private(set) var failureDurations: Histogram.Counts

        /// Adds the calls that another server had of the same method.
        package static func += (total: inout MethodCounts, part: MethodCounts) {
            precondition(total.path == part.path)
            total.started += part.started
            for code in total.handled.indices { total.handled[code] += part.handled[code] }
            total.received += part.received
            total.sent += part.sent
            total.durations += part.durations
            total.failureDurations += part.failureDurations
        }
    }

    package let methods: [MethodCounts]
    /// Bytes read from sockets, and written to them, before TLS.
    package let bytesIn: Int
    package let bytesOut: Int
    package let connectionsAccepted: Int
    package let connectionsClosed: Int
    /// Connections that were closed because there were too many.
    package let connectionsRefused: Int
    /// Requests that became no call: unknown methods, wrong content types.
    package let requestsRefused: Int

    init(_ loops: [Counters], _ table: ServiceTable) {
        func sum(_ total: Counters.Total) -> Int { loops.reduce(0) { $0 + $1.value(of: total) } }
        self.bytesIn = sum(.bytesIn)
        self.bytesOut = sum(.bytesOut)
        self.connectionsAccepted = sum(.connectionsAccepted)
        self.connectionsClosed = sum(.connectionsClosed)
        self.connectionsRefused = sum(.connectionsRefused)
        self.requestsRefused = sum(.requestsRefused)
        self.methods = table.entries.map { entry in
            let isStreaming =
                switch entry.method.kind {
                case .unary: false
                case .streaming: true
                }
            let started = loops.reduce(0) { $0 + $1.started(of: entry.index) }
            let handled = (0..<Counters.codeCount).map { code in
                loops.reduce(0) { $0 + $1.handled(of: entry.index, code: code) }
            }
            var durations = Histogram.Counts(.durations)
            var failureDurations = Histogram.Counts(.durations)
            for loop in loops {
                durations += loop.durations[entry.index].counts
                failureDurations += loop.failureDurations[entry.index].counts
            }
            // A unary call has one message each way, the second if it succeeded.
            return MethodCounts(
                path: entry.method.path,
                isStreaming: isStreaming,
                started: started,
                handled: handled,
                received: isStreaming
                    ? loops.reduce(0) { $0 + $1.received(of: entry.index) } : started,
                sent: isStreaming
                    ? loops.reduce(0) { $0 + $1.sent(of: entry.index) } : handled[0],
                durations: durations,
                failureDurations: failureDurations
            )
        }
    }
}
