import GRPC
import Synchronization

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
        self.cells.add(1, at: method * (1 + Self.codeCount))
    }

    func handled(method: Int, code: Int) {
        self.cells.add(1, at: method * (1 + Self.codeCount) + 1 + code)
    }

    func add(_ count: Int, to total: Total) {
        self.cells.add(count, at: self.methodCount * (1 + Self.codeCount) + total.rawValue)
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

/// A fixed row of atomic numbers with one writer.
private final class Cells: @unchecked Sendable {
    // Sendable: the pointer is constant, and what it points to are atomics.
    private let cells: UnsafeMutablePointer<Atomic<Int>>
    private let count: Int

    init(count: Int) {
        self.count = count
        self.cells = .allocate(capacity: count)
        for index in 0..<count {
            (self.cells + index).initialize(to: Atomic(0))
        }
    }

    deinit {
        self.cells.deinitialize(count: self.count)
        self.cells.deallocate()
    }

    /// One writer, so a load and a store are enough, and cheaper than an atomic addition.
    func add(_ amount: Int, at index: Int) {
        precondition(index >= 0 && index < self.count)
        let sum = self.cells[index].load(ordering: .relaxed) &+ amount
        self.cells[index].store(sum, ordering: .relaxed)
    }

    func value(at index: Int) -> Int {
        precondition(index >= 0 && index < self.count)
        return self.cells[index].load(ordering: .relaxed)
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
