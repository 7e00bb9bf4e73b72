import ByreCore
import ByreTestKit
import Engine
import Testing

/// Random work on the instances of one store, whose commits fail now and then, and the checks of all
/// that they said of it.
///
/// The seed determines what is done; in which order threads come to the store is the machine's.
struct SharedWorld {
    private struct Call {
        let tenant: String
        let action: SharedAction
        /// Revisions that were known before it began: it is not done before them.
        let floor: Int64
        let answer: Answer
    }

    private struct Read {
        let tenant: String
        let floor: Int64
        let revision: Int64
        let text: String
    }

    private struct Watching {
        let tenant: String
        let start: Int64
        let instance: Int
        let watch: SharedWatch
        var isAlive = true
    }

    private struct Lease {
        let tenant: String
        /// It ends no earlier, by the store's clock.
        var deadline: Int64
        var isGranted = false
        var isRevoked = false
    }

    private static let tenants = ["default", "acme"]
    private static let keys = ["a", "b", "c", "d"]

    private var random: SeededGenerator
    private let fixture: SharedFixture
    private let compacts: Bool
    private var known: [String: Int64] = [:]
    private var calls: [Call] = []
    private var reads: [Read] = []
    private var watchings: [Watching] = []
    private var leases: [Int64: Lease] = [:]
    private var now: Int64 = 0
    private var lastNumber = 0

    init(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let slice = [1, 3, 1_000].randomElement(using: &random) ?? 1
        let delays = [0, 60_000_000_000] as [Int64]
        let delay = delays.randomElement(using: &random) ?? 0
        let batch = [2, 4_096].randomElement(using: &random) ?? 2
        let instances = Int.random(in: 2...3, using: &random)
        self.compacts = Int.random(in: 0..<3, using: &random) > 0
        self.fixture = try SharedFixture(
            instances: instances,
            on: SharedMemoryStore(sliceRowsMax: slice)
        ) {
            $0.sharedRemovalDelayNanoseconds = delay
            $0.batchOperationsMax = batch
        }
        self.random = random
        _ = try self.fixture.change(.create(.numbered(2, name: "acme")), on: 0)
        let stores = self.fixture.stores
        try self.fixture.await("the tenant") {
            stores.allSatisfy { $0.tenant(named: "acme") != nil }
        }
        for instance in 0..<instances {
            for tenant in Self.tenants { try self.watch(tenant, at: instance, from: 2) }
        }
    }

    private var instances: Range<Int> { self.fixture.stores.indices }

    private mutating func draw(_ range: ClosedRange<Int64>) -> Int64 {
        .random(in: range, using: &self.random)
    }

    private mutating func instance() -> Int {
        Int.random(in: self.instances, using: &self.random)
    }

    private mutating func tenant() -> String {
        Self.tenants.randomElement(using: &self.random) ?? "default"
    }

    private mutating func key() -> String {
        Self.keys.randomElement(using: &self.random) ?? "a"
    }

    private mutating func value() -> String {
        self.lastNumber += 1
        return "v\(self.lastNumber)"
    }

    // MARK: Work

    /// Some operations at once, at any instances, while some instances fail.
    mutating func step() throws {
        let fails = try self.meddle()
        let actions = (0..<self.draw(1...6)).map { _ in
            let tenant = self.tenant()
            return (tenant, self.action(on: tenant), self.instance())
        }
        var begun: [Call] = []
        for (drawn, action, instance) in actions {
            let tenant = self.prepare(action, on: drawn)
            begun.append(
                Call(
                    tenant: tenant,
                    action: action,
                    floor: self.known[tenant] ?? 1,
                    answer: try self.fixture.submit(action.line, to: instance, tenant: tenant)
                )
            )
        }
        for call in begun { try self.finished(call) }
        self.calls += begun
        for instance in fails {
            self.fixture.cut(instance, false)
            self.fixture.memory.failNoCommits(of: self.fixture.numbers[instance])
        }
        if self.draw(0...2) == 0 { try self.read() }
        if self.draw(0...5) == 0 { try self.renew() }
        self.checkLeases()
    }

    private mutating func action(on tenant: String) -> SharedAction {
        let key = self.key()
        switch self.draw(0...19) {
        case 0..<7:
            let lease = self.leases.keys.sorted().randomElement(using: &self.random)
            return .put(key: key, value: self.value(), lease: self.draw(0...2) == 0 ? lease : nil)
        case 7..<10: return .delete(from: key, to: self.draw(0...2) == 0 ? "z" : key + "!")
        case 10..<16:
            let model = SharedModel(self.rows(of: tenant))
            let present = model.state(at: model.revision)?[key]?.value
            return .swap(
                key: key,
                expected: present,
                value: self.value(),
                other: key + "2",
                otherValue: self.value()
            )
        case 16 where self.compacts:
            let known = self.known.values.min() ?? 1
            return .compact(self.draw(max(1, known - 8)...max(1, known)))
        case 17, 16:
            self.lastNumber += 1
            return .grant(Int64(self.lastNumber), ttlSeconds: self.draw(3...20))
        case 18:
            return .revoke(self.leases.keys.sorted().randomElement(using: &self.random) ?? 1)
        default: return .put(key: key, value: self.value(), lease: nil)
        }
    }

    /// Notes what is begun with a lease.
    /// - Returns: the lease's tenant.
    private mutating func prepare(_ action: SharedAction, on tenant: String) -> String {
        switch action {
        case .grant(let id, let ttl):
            self.leases[id] = Lease(tenant: tenant, deadline: self.now + ttl)
            return tenant
        case .revoke(let id):
            self.leases[id]?.isRevoked = true
            return self.leases[id]?.tenant ?? tenant
        case .put(_, _, let lease?): return self.leases[lease]?.tenant ?? tenant
        default: return tenant
        }
    }

    /// Lets an instance's commits fail, cuts one off, lets time pass, forgets, kills, watches.
    /// - Returns: instances that are to reach the store again.
    private mutating func meddle() throws -> [Int] {
        let instance = self.instance()
        switch self.draw(0...15) {
        case 0:
            self.fixture.cut(instance)
            return [instance]
        case 1...3:
            let faults = (0..<self.draw(1...3)).map { _ in
                [SharedMemoryStore.Fault.before, .unknown, .outdated][Int(self.draw(0...2))]
            }
            self.fixture.memory.failCommits(of: self.fixture.numbers[instance], faults)
            return [instance]
        case 4, 5:
            let seconds = self.draw(1...3)
            self.now += seconds
            self.fixture.memory.advance(bySeconds: seconds)
        case 6: self.fixture.memory.forgetChanges()
        case 7: self.fixture.memory.suspectAllLeases(self.draw(0...1) == 0)
        case 8 where self.draw(0...3) == 0:
            try self.fixture.restart(instance)
            for place in self.watchings.indices where self.watchings[place].instance == instance {
                self.watchings[place].isAlive = false
            }
        case 9, 10:
            let tenant = self.tenant()
            let state = try self.fixture.tenant(instance, tenant).snapshot.state
            let first = max(state.compactRevision + 1, 2)
            guard first <= state.revision + 1 else { break }
            try self.watch(tenant, at: instance, from: self.draw(first...(state.revision + 1)))
        default: break
        }
        return []
    }

    private mutating func watch(_ tenant: String, at instance: Int, from start: Int64) throws {
        self.watchings.append(
            Watching(
                tenant: tenant,
                start: start,
                instance: instance,
                watch: try SharedWatch(self.fixture, instance, tenant, from: start)
            )
        )
    }

    private mutating func finished(_ call: Call) throws {
        switch try call.answer.result() {
        case .success:
            let text = try call.answer.text()
            self.known[call.tenant] = max(self.known[call.tenant] ?? 1, Self.revision(of: text))
            if case .grant(let id, _) = call.action { self.leases[id]?.isGranted = true }
        case .failure(.leaseNotFound):
            if case .put(_, _, let id?) = call.action, self.mustLive(id) {
                Issue.record("lease \(id) is not found")
            }
        case .failure(.backend(.unavailable)), .failure(.backend(.uncertain)),
            .failure(.compacted), .failure(.futureRevision):
            break
        case .failure(let error): Issue.record("\(call.action.line) is told \(error)")
        }
    }

    private static func revision(of text: String) -> Int64 {
        text.split(separator: " ").dropFirst().first.flatMap { Int64($0) } ?? 0
    }

    private mutating func read() throws {
        let (tenant, instance) = (self.tenant(), self.instance())
        let floor = self.known[tenant] ?? 1
        try self.fixture.settle(instance, tenant)
        do {
            let (revision, text) = try self.fixture.present(instance, tenant)
            self.reads.append(Read(tenant: tenant, floor: floor, revision: revision, text: text))
            self.known[tenant] = max(floor, revision)
        } catch BackendError.unavailable {
            // What it was about to read is compacted, and deleted without the delay there is for that.
        }
    }

    // MARK: Leases

    private mutating func renew() throws {
        guard let id = self.leases.keys.sorted().randomElement(using: &self.random),
            let lease = self.leases[id], lease.tenant == "default"
        else { return }
        switch try self.fixture.renew(LeaseID(rawValue: id), at: self.instance()) {
        case .renewed(let ttl):
            self.leases[id]?.deadline = self.now + ttl
        default: if self.mustLive(id) { Issue.record("lease \(id) cannot be renewed") }
        }
    }

    private func mustLive(_ id: Int64) -> Bool {
        guard let lease = self.leases[id] else { return false }
        return lease.isGranted && !lease.isRevoked && lease.deadline > self.now
    }

    private func checkLeases() {
        for id in self.leases.keys where self.mustLive(id) {
            let revocations = self.fixture.memory.revocations[LeaseID(rawValue: id)] ?? 0
            #expect(revocations == 0, "lease \(id) has ended early")
        }
    }

    // MARK: The end

    private func rows(of tenant: String) -> [CommitBatch.Row] {
        guard let id = self.fixture.stores[0].tenant(named: tenant)?.id else { return [] }
        return self.fixture.memory.history(of: id)
    }

    /// Checks everything that was said, and that all instances have the same in the end.
    /// - Returns: operations, reads and events that were looked at.
    mutating func finish() throws -> String {
        self.fixture.memory.suspectAllLeases(false)
        self.fixture.memory.advance(bySeconds: 60)
        try self.fixture.await("the end of leases") {
            try Self.tenants.allSatisfy { tenant in
                self.fixture.memory.secondsLeft(of: try self.fixture.tenant(0, tenant).id).isEmpty
            }
        }
        for (_, times) in self.fixture.memory.revocations { #expect(times == 1) }
        #expect(self.fixture.memory.faults == [])
        var events = 0
        for tenant in Self.tenants {
            let model = SharedModel(self.rows(of: tenant))
            #expect(model.faults == [])
            #expect(model.written.values.allSatisfy { $0 == 1 })
            for call in self.calls where call.tenant == tenant { try self.check(call, model) }
            for read in self.reads where read.tenant == tenant {
                #expect(read.revision >= read.floor && read.text == model.text(at: read.revision))
            }
            for watching in self.watchings where watching.tenant == tenant {
                events += try self.check(watching, model)
            }
            try self.checkStates(tenant, model)
        }
        return "\(self.calls.count) operations, \(self.reads.count) reads, \(events) events"
    }

    private func check(_ call: Call, _ model: SharedModel) throws {
        let line = call.action.line
        switch try call.answer.result() {
        case .success:
            let text = try call.answer.text()
            let revision = Self.revision(of: text)
            guard let right = call.action.answer(at: revision, text, model) else {
                Issue.record("\(line) is told \(text), which is not so")
                return
            }
            #expect(text == right.text, "\(line)")
            #expect(revision >= call.floor + (right.isWrite ? 1 : 0), "\(line) at \(revision)")
        case .failure(.backend(.uncertain)): break
        case .failure:
            for value in call.action.values {
                #expect(model.written[value] == nil, "\(line) was refused, and done")
            }
        }
    }

    /// A watcher sees each event once, in order, up to the end, or until what it has not seen is
    /// compacted.
    private func check(_ watching: Watching, _ model: SharedModel) throws -> Int {
        let wanted = model.events.filter { $0.revision >= watching.start }
        if watching.isAlive, let last = wanted.last?.text {
            try watching.watch.lines { $0.hasPrefix("compacted") || $0.hasPrefix(last) }
        } else {
            watching.watch.drain()
        }
        var seen = watching.watch.lines.dropFirst()
        if let last = seen.last, last.hasPrefix("compacted") {
            seen.removeLast()
            let compacted = Self.revision(of: last)
            let next = seen.count < wanted.count ? wanted[seen.count].revision : .max
            #expect(next <= compacted, "cancelled at \(compacted) and was at \(next)")
        }
        #expect(seen.count <= wanted.count)
        for (line, event) in zip(seen, wanted) {
            let halves = line.components(separatedBy: " was ")
            #expect(halves.first == event.text)
            if halves.count > 1, !self.compacts || halves[1] != "(nothing)" {
                #expect(halves[1] == event.was ?? "nothing", "\(line)")
            } else if !self.compacts {
                #expect(event.was == nil, "\(line)")
            }
        }
        return seen.count
    }

    /// All instances have the same, and one that is started now too.
    private func checkStates(_ tenant: String, _ model: SharedModel) throws {
        for instance in self.instances { try self.fixture.settle(instance, tenant) }
        var told: Set<String> = []
        try self.fixture.await("the same size at all instances") {
            told = Set(try self.instances.map { try self.describe(tenant, at: $0) })
            return told.count == 1
        }
        for instance in self.instances {
            #expect(try self.fixture.contents(instance, tenant) == model.text(at: model.revision))
        }
    }

    private func describe(_ tenant: String, at instance: Int) throws -> String {
        let state = try self.fixture.tenant(instance, tenant).snapshot.state
        return "\(state.record) \(state.usedBytes) \(state.index.keyCount) \(state.leases.count)"
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        guard let range = self.firstRange(of: separator) else { return [self] }
        return [String(self[..<range.lowerBound]), String(self[range.upperBound...])]
    }
}
