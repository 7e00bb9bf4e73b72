import ByreCore
import ByreTestKit
import Engine
import Synchronization

/// Several engines on one store in memory. Threads run by the machine's clock, leases by the store's.
final class SharedFixture {
    let memory: SharedMemoryStore
    let stores: [Store]
    let reports = Reports()

    init(
        instances: Int = 2,
        on memory: SharedMemoryStore = SharedMemoryStore(),
        _ configure: (inout Configuration) -> Void = { _ in }
    ) throws {
        var configuration = Configuration()
        configuration.cacheBytes = 1 << 20
        configuration.beatNanoseconds = 2_000_000
        configuration.leaseCheckNanoseconds = 2_000_000
        configuration.compactionSleepNanoseconds = 100_000
        configuration.settleRetryNanoseconds = 1_000_000
        configure(&configuration)
        self.memory = memory
        var stores: [Store] = []
        let reports = self.reports
        for number in 0..<instances {
            stores.append(
                try Store(
                    backend: memory.backend(number),
                    configuration: configuration,
                    instance: InstanceRecord(
                        id: UInt64(number) + 1,
                        name: "i\(number)",
                        clientURLs: []
                    ),
                    newTenant: .numbered(1, name: "default"),
                    encodeEvent: Self.encode,
                    report: { reports.append($0) }
                )
            )
        }
        self.stores = stores
    }

    deinit {
        for number in self.stores.indices { self.memory.cut(number, false) }
        for store in self.stores { store.stop() }
    }

    /// An event as text: `3 PUT a=1`, `4 DEL a was 1`.
    private static func encode(_ event: WatchEvent, withPrevious: Bool) -> Bytes {
        let key = Rendering.text(event.key)
        var text = "\(event.version.modRevision) "
        text += event.isDelete ? "DEL \(key)" : "PUT \(key)=\(Rendering.text(event.value))"
        if withPrevious, case .known(let previous) = event.previous {
            text += " was \(previous.value.map(Rendering.text) ?? "(nothing)")"
        }
        return Bytes(text.utf8)
    }

    func tenant(_ instance: Int, _ name: String = "default") throws -> TenantStore {
        guard let tenant = self.stores[instance].tenant(named: name) else {
            throw Signal.Hang(what: "the tenant \(name)")
        }
        return tenant
    }

    func submit(_ line: String, to instance: Int, tenant: String = "default") throws -> Answer {
        guard case .apply(let operation) = try Statement(line) else {
            throw StoreFixture.StatementKind(line: line)
        }
        let answer = Answer()
        try self.stores[instance].submit(
            operation,
            to: self.tenant(instance, tenant),
            reply: answer
        )
        return answer
    }

    @discardableResult
    func run(_ line: String, on instance: Int, tenant: String = "default") throws -> String {
        try self.submit(line, to: instance, tenant: tenant).text()
    }

    func change(_ change: TenantChange, on instance: Int) throws -> TenantStore {
        let answer = TenantAnswer()
        try self.stores[instance].submit(change, reply: answer)
        return try answer.result().get()
    }

    /// Waits until an instance's reads are current.
    func settle(_ instance: Int, _ name: String = "default") throws {
        if let error = try self.barrier(instance, name) { throw error }
    }

    /// Asks an instance for a current state of a tenant.
    /// - Returns: why it cannot have one.
    func barrier(_ instance: Int, _ name: String = "default") throws -> RequestError? {
        guard let shared = self.stores[instance].shared else { return nil }
        let signal = Signal()
        let failure = Mutex<RequestError?>(nil)
        let box = Box(failure: failure)
        try shared.barrier.wait(
            for: self.tenant(instance, name),
            on: InlineExecutor.shared
        ) { result in
            if case .failure(let error) = result { box.failure.withLock { $0 = error } }
            signal.send()
        }
        try signal.wait(for: "a current state")
        return box.failure.withLock { $0 }
    }

    private final class Box: Sendable {
        let failure: Mutex<RequestError?>

        init(failure: consuming sending Mutex<RequestError?>) {
            self.failure = failure
        }
    }

    /// The values of live keys, linearizably: `a=1 b=2`.
    func contents(_ instance: Int, _ name: String = "default") throws -> String {
        try self.settle(instance, name)
        return try self.present(instance, name).text
    }

    /// The values of live keys as they are known to an instance, and the revision.
    func present(
        _ instance: Int,
        _ name: String = "default"
    ) throws -> (revision: Int64, text: String) {
        let tenant = try self.tenant(instance, name)
        let pinned = tenant.pinnedSnapshot()
        let loader = ReaderLoader(
            reader: try self.memory.backend(instance).makeReader(),
            cache: self.stores[instance].cache
        )
        let read = try RangeRead(RangeRequest(range: .all), of: pinned.state, loader: loader)
        let text = try read.result().kvs.map { pair in
            let value = try loader.value(of: tenant.id, row: pair.version.row)
            return "\(Rendering.text(pair.key))=\(Rendering.text(value))"
        }.joined(separator: " ")
        return (pinned.state.revision, text)
    }

    /// Waits until something holds that other threads bring about.
    func await(_ what: String, _ condition: () throws -> Bool) throws {
        // Each turn is a question to the store, not a pause.
        for _ in 0..<200_000 {
            if try condition() { return }
            _ = try self.barrier(0)
        }
        throw Signal.Hang(what: what)
    }
}

/// A watch stream of one instance, read as text.
final class SharedWatch {
    private let tenant: TenantStore
    private let stream: WatchStreamID
    private let waker = Waker()
    private(set) var lines: [String] = []

    init(_ fixture: SharedFixture, _ instance: Int, from start: Int64 = 0) throws {
        self.tenant = try fixture.tenant(instance)
        self.tenant.setWaker(self.waker, forLoop: 0)
        var request = WatchCreateRequest(key: [], rangeEnd: [0])
        request.startRevision = start
        request.options = [.previousKV]
        let stream = self.tenant.withHub { [request] hub in
            let id = hub.openStream(loop: 0, progressInterval: .seconds(10), now: .zero)
            if let id { _ = hub.create(request, on: id, now: .zero) }
            return id
        }
        guard let stream else { throw Signal.Hang(what: "a stream") }
        self.stream = stream
    }

    /// What comes until there are `count` lines, the first of which says that it was created.
    func lines(_ count: Int) throws -> [String] {
        self.drain()
        while self.lines.count < count {
            try self.waker.wait()
            self.drain()
        }
        return self.lines
    }

    private func drain() {
        let stream = self.stream
        let responses = self.tenant.withHub { hub in
            var responses: [WatchResponse] = []
            while hub.take(from: stream, bytesMax: 1 << 20, into: &responses) {}
            return responses
        }
        for response in responses {
            switch response {
            case .created: self.lines.append("created")
            case .compacted(_, let revision): self.lines.append("compacted \(revision)")
            case .events(_, _, let batch, _): self.lines += batch.events.map(Rendering.text)
            default: self.lines.append("something else")
            }
        }
    }
}
