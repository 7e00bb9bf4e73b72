import GRPC
import Synchronization
import TLS

/// What all loops of a server share.
final class ServerCore: Sendable {
    let configuration: ServerConfiguration
    let table: ServiceTable
    /// What listeners that have revocation lists are secured by, each once.
    let revoking: [ReloadingContext]

    private struct State {
        var connections = 0
        var isStopping = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    /// Protects the number of connections, changed when one comes or goes.
    private let state = Mutex(State())

    init(_ configuration: ServerConfiguration) {
        self.configuration = configuration
        self.table = ServiceTable(configuration.methods)
        var revoking: [ReloadingContext] = []
        for security in configuration.listeners.compactMap(\.security)
        where security.hasRevocationLists && !revoking.contains(where: { $0 === security }) {
            revoking.append(security)
        }
        self.revoking = revoking
    }

    /// When a call was last begun, on any loop; exact to ``Limits/askedGrain``.
    private let askedAt = Atomic<UInt64>(0)

    /// Takes note that a call is begun.
    func asked(at now: UInt64) {
        // Loops write it seldom, so that they do not take the memory from each other with each call.
        guard now > self.askedAt.load(ordering: .relaxed) &+ Limits.askedGrain else { return }
        self.askedAt.store(now, ordering: .relaxed)
    }

    /// Whether calls were begun a moment ago, so that what is long should give way.
    func isAsked(at now: UInt64) -> Bool {
        now < self.askedAt.load(ordering: .relaxed) &+ Limits.askedRecently
    }

    var connectionCount: Int { self.state.withLock { $0.connections } }

    var isStopping: Bool { self.state.withLock { $0.isStopping } }

    /// Counts a connection in.
    /// - Returns: false when there are too many already.
    func connectionOpened() -> Bool {
        self.state.withLock { state in
            guard state.connections < self.configuration.limits.connectionsMax else { return false }
            state.connections += 1
            return true
        }
    }

    func connectionClosed() {
        let waiting = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.connections -= 1
            guard state.connections == 0 else { return nil }
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    func startStopping() {
        self.state.withLock { $0.isStopping = true }
    }

    /// Returns when no connection is left, or after `limit`.
    func waitUntilEmpty(atMost limit: Duration) async {
        let timeout = Task {
            try? await Task.sleep(for: limit)
            self.stopWaiting()
        }
        await withCheckedContinuation { continuation in
            let isEmpty = self.state.withLock { state in
                guard state.connections > 0 else { return true }
                state.waiting = continuation
                return false
            }
            if isEmpty { continuation.resume() }
        }
        timeout.cancel()
    }

    private func stopWaiting() {
        let waiting = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }
}
