import ByreCore
import EtcdAPI
import GRPC

extension EtcdServer {
    /// `Watch/Watch` for an administrator: all watches of a stream are within the prefix of the first.
    func rawWatch(_ call: ServerCall) -> any StreamHandler {
        RawWatchHandler(self, call)
    }
}

/// One Watch stream of an administrator: a tenant's stream from the first watch on, with raw keys.
private final class RawWatchHandler: StreamHandler {
    private let server: EtcdServer
    private let call: ServerCall
    private var inner: WatchHandler?

    init(_ server: EtcdServer, _ call: ServerCall) {
        self.server = server
        self.call = call
    }

    func received(_ message: RawSpan) {
        if let inner { return inner.received(message) }
        do throws(WireError) {
            // Nothing can be cancelled, and no progress be asked for, before there is a watch.
            guard case .create(let create) = try WatchRequest(decoding: message) else { return }
            let range = create.request.range
            guard let prefix = self.server.enter([range], self.call) else { return }
            let inner = WatchHandler(self.server, self.call, under: prefix)
            self.inner = inner
            inner.received(message)
        } catch {
            self.call.finish(Status(error))
        }
    }

    func halfClosed() { self.inner?.halfClosed() }
    func ended(_ reason: Status) { self.inner?.ended(reason) }
    func drained() { self.inner?.drained() }
    func stopping() { self.inner?.stopping() }
}
