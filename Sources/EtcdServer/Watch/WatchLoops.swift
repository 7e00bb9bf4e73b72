import ByreCore
import Engine
import GRPC
import Synchronization

/// The watch streams of one tenant on one event loop: takes the hub's wake-ups there.
///
/// However many streams a commit concerns, the loop is woken once for it.
final class WatchLoop: WatchWaker {
    /// The loop's number in stream ids.
    let number: Int32
    private let loop: LoopHandle
    private let handlers: LoopBound<WatchHandlers>

    /// - Precondition: called on `loop`.
    init(number: Int32, loop: LoopHandle) {
        self.number = number
        self.loop = loop
        self.handlers = LoopBound(WatchHandlers(), loop: loop)
    }

    func wake(_ streams: [WatchStreamID]) {
        self.loop.execute {
            // After what is to be written already: the answers of the same commit.
            self.loop.execute { self.handlers.value.drain(streams) }
        }
    }

    func add(_ handler: WatchHandler, for stream: WatchStreamID) {
        self.handlers.value.add(handler, for: stream)
    }

    func remove(_ handler: WatchHandler, of stream: WatchStreamID) {
        self.handlers.value.remove(handler, of: stream)
    }

    /// Sends what the hub has for a stream, until its connection is behind.
    func drain(_ stream: WatchStreamID) {
        self.handlers.value.drain([stream])
    }
}

/// Every ``WatchLoop`` of a server, but those of tenants that are erased.
final class WatchLoops: Sendable {
    private struct Key: Hashable {
        let loop: ObjectIdentifier
        let tenant: TenantID
    }

    private struct State {
        var loops: [Key: WatchLoop] = [:]
        /// One for each event loop, so that no two of a tenant's are the same.
        var numbers: [ObjectIdentifier: Int32] = [:]
    }

    private let state = Mutex(State())

    /// How many there are.
    var count: Int { self.state.withLock { $0.loops.count } }

    /// The one that serves a call, made if it is the first of its loop and tenant.
    func loop(of call: ServerCall, _ tenant: TenantStore) -> WatchLoop {
        let key = Key(loop: ObjectIdentifier(call.loop), tenant: tenant.id)
        return self.state.withLock { state in
            if let loop = state.loops[key] { return loop }
            let number = state.numbers[key.loop] ?? Int32(state.numbers.count)
            state.numbers[key.loop] = number
            let loop = WatchLoop(number: number, loop: call.loop)
            // A tenant is marked before ``forget(_:)``, so that nothing is put here after it.
            if !tenant.isErased { state.loops[key] = loop }
            tenant.setWaker(loop, forLoop: number)
            return loop
        }
    }

    /// Drops what there is of a tenant that is erased. Its streams have ended, or will at once.
    /// - Complexity: O(loops × tenants with streams).
    func forget(_ tenant: TenantID) {
        self.state.withLock { state in
            for key in state.loops.keys where key.tenant == tenant { state.loops[key] = nil }
        }
    }
}
