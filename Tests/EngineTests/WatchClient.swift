import ByreCore
import ByreTestKit
import Engine

/// A watch stream of a fixture's tenant, read as text.
final class WatchClient {
    private let fixture: StoreFixture
    private let tenant: TenantStore
    private let stream: WatchStreamID
    private(set) var lines: [String] = []

    init(_ fixture: StoreFixture, _ tenant: TenantStore? = nil) throws {
        self.fixture = fixture
        self.tenant = tenant ?? fixture.tenant
        let now = Duration.nanoseconds(fixture.clock.now)
        let stream = self.tenant.withHub {
            $0.openStream(loop: 0, progressInterval: .seconds(10), now: now)
        }
        guard let stream else { throw Signal.Hang(what: "a stream") }
        self.stream = stream
    }

    /// Creates a watcher of every key.
    func watch(from start: Int64 = 0, _ options: WatchOptions = []) {
        let now = Duration.nanoseconds(self.fixture.clock.now)
        var request = WatchCreateRequest(key: [], rangeEnd: [0])
        request.startRevision = start
        request.options = options
        let stream = self.stream
        self.tenant.withHub { [request] hub in
            _ = hub.create(request, on: stream, now: now)
        }
    }

    /// Takes what the stream holds: `created`, `3 PUT a=1`, `progress 4`, `compacted 5`.
    func drain() {
        let stream = self.stream
        let responses = self.tenant.withHub { hub in
            var responses: [WatchResponse] = []
            while hub.take(from: stream, bytesMax: 256, into: &responses) {}
            return responses
        }
        for response in responses {
            switch response {
            case .created: self.lines.append("created")
            case .refused(let refusal, _): self.lines.append("refused \(refusal)")
            case .canceled: self.lines.append("canceled")
            case .compacted(_, let revision): self.lines.append("compacted \(revision)")
            case .progress(_, let revision): self.lines.append("progress \(revision)")
            case .events(_, _, let batch, _): self.lines += batch.events.map(Rendering.text)
            }
        }
    }

    /// Takes what comes until there are `count` lines.
    func drain(to count: Int) throws {
        self.drain()
        while self.lines.count < count {
            try self.fixture.waker.wait()
            self.drain()
        }
    }

    func close() {
        let stream = self.stream
        self.tenant.withHub { $0.closeStream(stream) }
    }
}
