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
    private let handlers: LoopBound<Handlers>

    /// Confined to the loop.
    private final class Handlers {
        var byStream: [WatchStreamID: WatchHandler] = [:]
    }

    /// - Precondition: called on `loop`.
    init(number: Int32, loop: LoopHandle) {
        self.number = number
        self.loop = loop
        self.handlers = LoopBound(Handlers(), loop: loop)
    }

    func wake(_ streams: [WatchStreamID]) {
        self.loop.execute {
            // A stream that ended meanwhile is not there any more.
            for stream in streams { self.handlers.value.byStream[stream]?.drain() }
        }
    }

    func add(_ handler: WatchHandler, for stream: WatchStreamID) {
        self.handlers.value.byStream[stream] = handler
    }

    func remove(_ stream: WatchStreamID) {
        self.handlers.value.byStream[stream] = nil
    }
}

/// Every ``WatchLoop`` of a server.
final class WatchLoops: Sendable {
    private struct Key: Hashable {
        let loop: ObjectIdentifier
        let tenant: TenantID
    }

    private let loops = Mutex<[Key: WatchLoop]>([:])

    /// The one that serves a call, made if it is the first of its loop and tenant.
    func loop(of call: ServerCall, _ tenant: TenantStore) -> WatchLoop {
        let key = Key(loop: ObjectIdentifier(call.loop), tenant: tenant.id)
        return self.loops.withLock { loops in
            if let loop = loops[key] { return loop }
            let loop = WatchLoop(number: Int32(loops.count), loop: call.loop)
            loops[key] = loop
            tenant.setWaker(loop, forLoop: loop.number)
            return loop
        }
    }
}
