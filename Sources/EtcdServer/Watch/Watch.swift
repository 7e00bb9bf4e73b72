package import ByreCore
import EtcdAPI
import Engine
import GRPC

extension EtcdServer {
    /// `Watch/Watch`: tells of changes, for any number of watchers on one stream.
    func watch(_ call: ServerCall) -> any StreamHandler {
        WatchHandler(self, call)
    }

    /// How events look on the wire: what the store's watch hubs encode them with.
    package static let encodeEvent: WatchEventEncoder = { event, withPrevious in
        event.encoded(withPrevious: withPrevious)
    }
}

/// One Watch stream: passes requests to the tenant's hub, and what the hub has for the stream to the
/// client, as fast as the client takes it.
///
/// Everything a client sees comes out of the hub's outbox of the stream, so its order is the hub's.
/// - Source: etcd `server/etcdserver/api/v3rpc/watch.go`.
final class WatchHandler: StreamHandler {
    /// Requests read while the client does not take the answers; one more ends the stream.
    static let unansweredMax = 65_536

    private let server: EtcdServer
    private let call: ServerCall
    let tenant: TenantStore
    private let loop: WatchLoop
    /// Nil when there was no room for another stream, and once the call is over.
    @exclusivity(unchecked) private(set) var stream: WatchStreamID?
    private var unanswered = 0
    /// What an administrator's keys begin with; nil for the tenant itself.
    private let prefix: Bytes?

    init(_ server: EtcdServer, _ call: ServerCall, under prefix: Bytes? = nil) {
        self.server = server
        self.call = call
        self.prefix = prefix
        self.tenant = server.tenant(of: call)
        self.loop = server.watchLoops.loop(of: call, self.tenant)
        let interval = server.store.configuration.watchProgressNanoseconds
        let jittered = interval + .random(in: 0...(interval / 10))
        let number = self.loop.number
        let now = self.now
        self.stream = self.tenant.withHub {
            $0.openStream(loop: number, progressInterval: .nanoseconds(jittered), now: now)
        }
        if let stream {
            self.loop.add(self, for: stream)
        } else {
            call.finish(Status(EtcdError.tooManyRequests, as: .unavailable))
        }
    }

    func received(_ message: RawSpan) {
        guard let stream else { return }
        let request: WatchRequest
        do throws(WireError) {
            request = try WatchRequest(decoding: message)
        } catch {
            self.finish(Status(error))
            return
        }
        let now = self.now
        if case .create(let create) = request, self.own(create.request) == nil {
            return self.refuse(RawRefusal.notOneTenant)
        }
        let isBackedUp = self.tenant.withHub { hub in
            switch request {
            case .create(let create):
                if let own = self.own(create.request) { hub.create(own, on: stream, now: now) }
            case .cancel(let id): hub.cancel(id, on: stream)
            case .progress: hub.requestProgress(on: stream)
            case .unknown: break
            }
            return hub.isBackedUp(stream)
        }
        self.unanswered = isBackedUp ? self.unanswered + 1 : 0
        guard self.unanswered <= Self.unansweredMax else {
            self.finish(Status(EtcdError.tooManyRequests, as: .unavailable))
            return
        }
        self.drain()
    }

    /// A request in the tenant's own keys; nil if it is not within the tenant.
    private func own(_ request: WatchCreateRequest) -> WatchCreateRequest? {
        guard let prefix else { return request }
        guard request.range.lies(under: prefix), let range = request.range.under(prefix) else {
            return nil
        }
        var own = request
        own.range = range
        return own
    }

    /// Tells an administrator that a watch is not created.
    private func refuse(_ refusal: RawRefusal) {
        self.send(
            .refused(
                .denied(reason: refusal.status.message),
                revision: self.tenant.snapshot.state.revision
            )
        )
    }

    /// Events keep coming when the client has said all it wants to say.
    func halfClosed() {}

    func ended(_ reason: Status) {
        self.close()
    }

    func drained() {
        self.drain()
    }

    func stopping() {
        self.finish(Status(EtcdError.stopped))
    }

    /// Whether the connection takes more.
    var hasRoom: Bool { self.call.hasRoom }

    private func drain() {
        if let stream { self.loop.drain(stream) }
    }

    /// Sends one response.
    /// - Parameter messages: those sent just now on this and other streams of the tenant.
    func send(_ response: WatchResponse, sharing messages: inout WatchMessages) {
        guard self.prefix == nil,
            case .events(let id, let revision, let batch, let mayFragment) = response,
            !mayFragment || batch.byteCount < self.server.settings.maxReceiveBytes / 2
        else { return self.send(response) }
        self.call.send(
            messages.message(of: batch, for: id, at: revision) {
                let header = self.server.header(self.tenant, at: revision)
                return self.framed(WatchResponseHead(watchID: id), header, batch.events[...])
            }
        )
    }

    private func send(_ response: WatchResponse) {
        let (head, revision) = response.head
        let header = self.server.header(self.tenant, at: revision)
        guard case .events(_, _, let batch, let mayFragment) = response else {
            self.call.send(self.framed(head, header, []))
            return
        }
        var events = batch.events
        if let prefix { events = events.map { RawEvent.encoded($0, under: prefix) } }
        let limit = self.server.settings.maxReceiveBytes
        guard mayFragment, head.encodedLength(header) + batch.byteCount >= limit else {
            self.call.send(self.framed(head, header, events[...]))
            return
        }
        self.sendFragments(head, header, events, limit: limit)
    }

    /// Splits a large response between events; every part but the last says that more follows, and
    /// nothing else of the stream comes in between.
    private func sendFragments(
        _ head: WatchResponseHead,
        _ header: ResponseHeader,
        _ events: [Bytes],
        limit: Int
    ) {
        var start = 0
        while start < events.count {
            var part = head
            part.fragment = true
            var length = part.encodedLength(header)
            var end = start
            // At least one event a part: a single one is sent whole, however large.
            repeat {
                length += events[end].count
                end += 1
            } while end < events.count && length + events[end].count < limit
            part.fragment = end < events.count
            self.call.send(self.framed(part, header, events[start..<end]))
            start = end
        }
    }

    private func framed(
        _ head: WatchResponseHead,
        _ header: ResponseHeader,
        _ events: ArraySlice<Bytes>
    ) -> FramedMessage {
        let length = head.encodedLength(header) + events.reduce(0) { $0 + $1.count }
        var writer = WireWriter(length: length, reservingPrefix: FramedMessage.prefixLength)
        head.encode(header, into: &writer)
        for event in events { writer.encoded(event) }
        return FramedMessage(reserved: writer.bytes)
    }

    private func finish(_ status: Status) {
        self.close()
        self.call.finish(status)
    }

    private func close() {
        guard let stream else { return }
        self.stream = nil
        self.loop.remove(self, of: stream)
        self.tenant.withHub { $0.closeStream(stream) }
    }

    private var now: Duration { .nanoseconds(self.server.store.clock.now()) }
}
