import ByreCore
import ByreTestKit
import Engine
import Synchronization

/// A running store on a backend in memory, whose time and faults the test decides.
///
/// The committer sleeps until something is submitted: the simulated clock is far ahead of the one that
/// it sleeps by. ``turn()`` wakes it and waits until it has done all that is due.
final class StoreFixture {
    let memory: MemoryBackend
    let backend: FaultyBackend
    let clock: SimulatedClock
    let store: Store
    let tenant: TenantStore
    let reports: Reports
    let waker = Waker()
    private var isStopped = false

    init(
        on memory: MemoryBackend = MemoryBackend(),
        clock: SimulatedClock = SimulatedClock(),
        watchLimits: WatchLimits = WatchLimits(),
        _ configure: (inout Configuration) -> Void = { _ in }
    ) throws {
        var configuration = Configuration()
        configuration.cacheBytes = 1 << 20
        configure(&configuration)
        let backend = FaultyBackend(memory)
        let reports = Reports()
        self.memory = memory
        self.backend = backend
        self.clock = clock
        self.reports = reports
        self.store = try Store(
            backend: backend,
            configuration: configuration,
            clock: Clock { clock.now },
            wallClock: WallClock { clock.wallSeconds },
            newTenant: Self.newTenant,
            watchLimits: watchLimits,
            encodeEvent: Self.encode,
            report: { reports.append($0) }
        )
        guard let tenant = self.store.tenant(named: "default") else {
            throw Signal.Hang(what: "the new tenant")
        }
        self.tenant = tenant
        self.tenant.setWaker(self.waker, forLoop: 0)
        try self.turn()
    }

    /// The tenant of a fresh server is strict, as etcd is.
    private static var newTenant: TenantDefinition {
        var tenant = TenantDefinition.numbered(1, name: "default")
        tenant.limits.spaceMode = .strict
        return tenant
    }

    deinit {
        if !self.isStopped { self.store.stop() }
    }

    /// Leaves the store to somebody who stopped it.
    func forget() {
        self.isStopped = true
    }

    func stop() {
        self.isStopped = true
        self.store.stop()
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

    /// A backend that holds the tenant `default` and others.
    static func memory(with names: String...) throws -> MemoryBackend {
        let memory = MemoryBackend()
        var batch = CommitBatch()
        batch.registry = names.enumerated().map { place, name in
            let definition = TenantDefinition.numbered(place + 2, name: name)
            let id = TenantID(rawValue: Int64(place) + 2)
            return .create(TenantRecord(id: id, uid: definition.uid), definition)
        }
        batch.registry.append(
            .create(
                TenantRecord(id: TenantID(rawValue: 1), uid: Self.newTenant.uid),
                Self.newTenant
            )
        )
        try memory.commit(batch)
        return memory
    }

    func tenant(_ name: String) throws -> TenantStore {
        guard let tenant = self.store.tenant(named: name) else {
            throw Signal.Hang(what: "the tenant \(name)")
        }
        return tenant
    }

    // MARK: Writing

    /// Submits a ``Statement``'s operation.
    func submit(
        _ line: String,
        to tenant: TenantStore? = nil,
        waitsForPhysical: Bool = false
    ) throws -> Answer {
        let answer = Answer()
        try self.submit(line, to: tenant, waitsForPhysical: waitsForPhysical, reply: answer)
        return answer
    }

    /// Submits a ``Statement``'s operation, to be answered as is said.
    func submit(
        _ line: String,
        to tenant: TenantStore? = nil,
        waitsForPhysical: Bool = false,
        reply: Answer
    ) throws {
        guard case .apply(let operation) = try Statement(line) else {
            throw StatementKind(line: line)
        }
        try self.store.submit(
            operation,
            to: tenant ?? self.tenant,
            waitsForPhysical: waitsForPhysical,
            reply: reply
        )
    }

    /// Submits a statement's operation and waits for its answer, as a ``TxnTable`` writes it.
    @discardableResult
    func run(_ line: String, on tenant: TenantStore? = nil) throws -> String {
        try self.submit(line, to: tenant).text()
    }

    /// Asks for a change of the registry and waits for what becomes of it.
    func change(_ change: TenantChange) throws -> Result<TenantStore, TenantChangeError> {
        let answer = TenantAnswer()
        try self.store.submit(change, reply: answer)
        return try answer.result()
    }

    func create(_ definition: TenantDefinition) throws -> TenantStore {
        try self.change(.create(definition)).get()
    }

    /// Replaces a tenant's definition by one that `body` has changed.
    @discardableResult
    func define(
        _ tenant: TenantStore,
        _ body: (inout TenantDefinition) -> Void
    ) throws -> TenantStore {
        var definition = tenant.definition
        body(&definition)
        return try self.change(.replace(tenant.id, definition, ifGeneration: nil)).get()
    }

    /// Deletes a tenant, to be erased in so many seconds.
    func delete(_ tenant: TenantStore, after seconds: Int64) throws {
        let now = self.clock.wallSeconds
        try self.define(tenant) { definition in
            definition.lifecycle = .deleting
            definition.reclaimAt = now + seconds
        }
    }

    /// Lets time pass until no erasing has anything to do but wait for readers.
    func eraseAll() throws {
        for _ in 0..<50 {
            self.clock.advance(byNanoseconds: self.store.configuration.eraseRetryNanoseconds)
            try self.turn()
        }
    }

    /// Wakes the committer twice: once to do what is due, once to see that it has done it.
    func turn() throws {
        for _ in 0..<2 { _ = try self.submit("disarm CORRUPT 99").text() }
    }

    /// Lets time pass in steps of a compaction's pause, until compaction has nothing to do but wait
    /// for pins.
    func compactAll() throws {
        for _ in 0..<20 {
            self.clock.advance(byNanoseconds: self.store.configuration.compactionSleepNanoseconds)
            try self.turn()
        }
    }

    struct StatementKind: Error { let line: String }

    // MARK: Reading

    /// The values of live keys, in order, from a new snapshot: `a=1 b=2`.
    func contents(of tenant: TenantStore? = nil) throws -> String {
        let tenant = tenant ?? self.tenant
        let pinned = tenant.pinnedSnapshot()
        let request = RangeRequest(range: .all)
        let loader = try ReaderLoader(reader: self.memory.makeReader(), cache: self.store.cache)
        let result = try RangeRead(request, of: pinned.state, loader: loader).result()
        return try result.kvs.map { pair in
            let value = try loader.value(of: tenant.id, row: pair.version.row)
            return "\(Rendering.text(pair.key))=\(Rendering.text(value))"
        }.joined(separator: " ")
    }

    var revision: Int64 { self.tenant.snapshot.state.revision }
}

/// Waits for the answer to one operation.
final class Answer: Reply {
    private let signal = Signal()
    private let results = Mutex<[Result<Outcome, RequestError>]>([])
    private let look: @Sendable () -> Int
    private let looked = Mutex(0)

    /// - Parameter look: what is looked at when the answer comes.
    init(whenComplete look: @escaping @Sendable () -> Int = { 0 }) {
        self.look = look
    }

    var executor: any ReplyExecutor { InlineExecutor.shared }

    func complete(_ result: Result<Outcome, RequestError>) {
        self.looked.withLock { $0 = self.look() }
        self.results.withLock { $0.append(result) }
        self.signal.send()
    }

    /// What was seen when it came.
    var seen: Int { self.looked.withLock { $0 } }

    /// Whether it has come, and how often.
    var count: Int { self.results.withLock { $0.count } }

    func result() throws -> Result<Outcome, RequestError> {
        if self.count == 0 { try self.signal.wait(for: "an answer") }
        guard let first = self.results.withLock({ $0.first }) else {
            throw Signal.Hang(what: "an answer")
        }
        return first
    }

    func text() throws -> String {
        // What is not filled in shows.
        let rendering = Rendering { _ in Bytes("(not loaded)".utf8) }
        return switch try self.result() {
        case .success(let outcome): rendering.outcome(outcome)
        case .failure(let error): rendering.error(error)
        }
    }
}

/// Waits for the answer to one change of the registry.
final class TenantAnswer: TenantReply {
    private let signal = Signal()
    private let results = Mutex<[Result<TenantStore, TenantChangeError>]>([])

    var executor: any ReplyExecutor { InlineExecutor.shared }

    func complete(_ result: Result<TenantStore, TenantChangeError>) {
        self.results.withLock { $0.append(result) }
        self.signal.send()
    }

    var count: Int { self.results.withLock { $0.count } }

    func result() throws -> Result<TenantStore, TenantChangeError> {
        try self.signal.wait(for: "an answer about a tenant")
        guard let first = self.results.withLock({ $0.first }) else {
            throw Signal.Hang(what: "an answer about a tenant")
        }
        return first
    }
}

/// Runs what it gets where it gets it.
final class InlineExecutor: ReplyExecutor {
    static let shared = InlineExecutor()

    func execute(_ body: @escaping @Sendable () -> Void) { body() }
}

/// Remembers what a store reports.
final class Reports: Sendable {
    private let texts = Mutex<[String]>([])

    func append(_ report: StoreReport) {
        let text =
            switch report {
            case .commitFailed(let error): "commits fail: \(error)"
            case .commitsResumed: "commits work"
            case .maintenanceFailed(let error): "maintenance fails: \(error)"
            }
        self.texts.withLock { $0.append(text) }
    }

    var all: [String] { self.texts.withLock { $0 } }
}

/// Remembers which streams are woken.
final class Waker: WatchWaker {
    private let woken = Mutex<[WatchStreamID]>([])
    private let signal = Signal()

    func wake(_ streams: [WatchStreamID]) {
        self.woken.withLock { $0 += streams }
        self.signal.send()
    }

    var all: [WatchStreamID] { self.woken.withLock { $0 } }

    /// Waits for one call of ``wake(_:)``.
    func wait() throws { try self.signal.wait(for: "a wake") }
}
