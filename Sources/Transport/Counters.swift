import GRPC
import Instrumentation

/// What one loop counts.
///
/// Written by its loop only, read by anyone: no count is ever locked.
final class Counters: Sendable {
    /// One more than the largest status code.
    static let codeCount = 17

    private let methodCount: Int
    /// For each method: started, then handled by code; after all methods the sums of ``Total``.
    private let cells: Cells

    /// Sums that are not a method's.
    enum Total: Int, CaseIterable {
        case bytesIn
        case bytesOut
        case connectionsAccepted
        case connectionsClosed
        case connectionsRefused
        case requestsRefused
    }

    init(methodCount: Int) {
        self.methodCount = methodCount
        self.cells = Cells(count: methodCount * (1 + Self.codeCount) + Total.allCases.count)
    }

    func started(method: Int) {
        self.cells.addAlone(1, at: method * (1 + Self.codeCount))
    }

    func handled(method: Int, code: Int) {
        self.cells.addAlone(1, at: method * (1 + Self.codeCount) + 1 + code)
    }

    func add(_ count: Int, to total: Total) {
        self.cells.addAlone(count, at: self.methodCount * (1 + Self.codeCount) + total.rawValue)
    }

    func started(of method: Int) -> Int {
        self.cells.value(at: method * (1 + Self.codeCount))
    }

    func handled(of method: Int, code: Int) -> Int {
        self.cells.value(at: method * (1 + Self.codeCount) + 1 + code)
    }

    func value(of total: Total) -> Int {
        self.cells.value(at: self.methodCount * (1 + Self.codeCount) + total.rawValue)
    }
}

/// The sums of all loops at about one moment.
package struct ServerCounts: Sendable {
    /// The calls of one method.
    package struct MethodCounts: Sendable {
        /// As in `:path`.
        package let path: String
        package let isStreaming: Bool
        package let started: Int
        /// How many calls ended with each code, by ``Status/Code``'s raw value.
        package let handled: [Int]
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
            return MethodCounts(
                path: entry.method.path,
                isStreaming: isStreaming,
                started: loops.reduce(0) { $0 + $1.started(of: entry.index) },
                handled: (0..<Counters.codeCount).map { code in
                    loops.reduce(0) { $0 + $1.handled(of: entry.index, code: code) }
                }
            )
        }
    }
}
