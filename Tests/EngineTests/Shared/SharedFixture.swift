import ByreCore
import ByreTestKit
import Engine
import Synchronization

/// Several engines on one store in memory. Threads run by the machine's clock, leases by the store's.
final class SharedFixture {
    let memory: SharedMemoryStore
    private(set) var stores: [Store] = []
    /// Which of the store's backends each instance has: another one after each start.
    private(set) var numbers: [Int] = []
    private let configuration: Configuration
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
        self.configuration = configuration
        for number in 0..<instances {
            self.stores.append(try self.start(number, as: number))
            self.numbers.append(number)
        }
        // Time that is let go on before somebody keeps the house counts as time in which nobody did.
        try self.await("a housekeeper") { memory.housekeeper != nil }
    }

    deinit {
        for number in self.numbers { self.memory.cut(number, false) }
        for store in self.stores { store.stop() }
    }

    private func start(_ instance: Int, as number: Int) throws -> Store {
        let reports = self.reports
        return try Store(
            backend: self.memory.backend(number),
            configuration: self.configuration,
            instance: InstanceRecord(
                id: UInt64(instance) + 1,
                name: "i\(instance)",
                clientURLs: []
            ),
            newTenant: .numbered(1, name: "default"),
            encodeEvent: Self.encode,
            report: { reports.append($0) }
        )
    }

    /// Lets an instance not reach the store, or reach it again.
    func cut(_ instance: Int, _ isCut: Bool = true) {
        self.memory.cut(self.numbers[instance], isCut)
    }

    /// Kills an instance, without a word of it to the store, and starts it anew.
    func restart(_ instance: Int) throws {
        self.cut(instance)
        self.stores[instance].stop()
        self.numbers[instance] += self.stores.count
        self.stores[instance] = try self.start(instance, as: self.numbers[instance])
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
        guard let result = try self.wait(at: instance, name, lease: nil) else { return nil }
        if case .failure(let error) = result { return error }
        return nil
    }

    /// What a lease has left by the store's clock, in nanoseconds, as an instance tells; nil for no such
    /// lease.
    func remaining(_ lease: LeaseID, at instance: Int) throws -> Int64? {
        try self.wait(at: instance, "default", lease: lease)?.get() ?? nil
    }

    private func wait(
        at instance: Int,
        _ name: String,
        lease: LeaseID?
    ) throws -> Result<ReadBarrier.Remaining, RequestError>? {
        guard let shared = self.stores[instance].shared else { return nil }
        let told = Told<ReadBarrier.Remaining>()
        try shared.barrier.wait(
            for: self.tenant(instance, name),
            lease: lease,
            on: InlineExecutor.shared,
            told.tell
        )
        return try told.result("a current state")
    }

    /// Keeps a lease alive through an instance.
    func renew(_ lease: LeaseID, at instance: Int) throws -> LeaseRenewal? {
        guard let shared = self.stores[instance].shared else { return nil }
        let told = Told<LeaseRenewal>()
        try shared.keeper.renew(
            lease,
            of: self.tenant(instance),
            on: InlineExecutor.shared,
            told.tell
        )
        return try told.result("a renewal").get()
    }

    /// What another thread tells once.
    private final class Told<Value: Sendable>: Sendable {
        private let signal = Signal()
        private let value = Mutex<Result<Value, RequestError>?>(nil)

        func tell(_ result: Result<Value, RequestError>) {
            self.value.withLock { $0 = result }
            self.signal.send()
        }

        func result(_ what: String) throws -> Result<Value, RequestError> {
            try self.signal.wait(for: what)
            guard let result = self.value.withLock({ $0 }) else { throw Signal.Hang(what: what) }
            return result
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
            reader: try self.memory.backend(self.numbers[instance]).makeReader(),
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
    /// - Parameter instance: one that reaches the store.
    func await(_ what: String, at instance: Int = 0, _ condition: () throws -> Bool) throws {
        // Each turn is a question to the store, not a pause.
        for _ in 0..<200_000 {
            if try condition() { return }
            _ = try self.barrier(instance)
        }
        throw Signal.Hang(what: what)
    }
}

/// A watch stream of one instance, read as text.
final class SharedWatch {
    private static let loops = Atomic<Int32>(0)

    private let tenant: TenantStore
    private let stream: WatchStreamID
    private let waker = Waker()
    private(set) var lines: [String] = []

    init(
        _ fixture: SharedFixture,
        _ instance: Int,
        _ name: String = "default",
        from start: Int64 = 0
    ) throws {
        self.tenant = try fixture.tenant(instance, name)
        // A loop of its own, so that several are woken apart.
        let loop = Self.loops.add(1, ordering: .relaxed).newValue
        self.tenant.setWaker(self.waker, forLoop: loop)
        var request = WatchCreateRequest(key: [], rangeEnd: [0])
        request.startRevision = start
        request.options = [.previousKV]
        let stream = self.tenant.withHub { [request] hub in
            let id = hub.openStream(loop: loop, progressInterval: .seconds(10), now: .zero)
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

    /// Waits for a line.
    func lines(until isLast: (String) -> Bool) throws {
        self.drain()
        while !(self.lines.last.map(isLast) ?? false) {
            try self.waker.wait()
            self.drain()
        }
    }

    /// Takes what has come so far.
    func drain() {
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
