import ByreCore
import ByreTestKit
import Testing

/// Random lives of a tenant's watches, in which every client checks the guarantees on what it sees.
@Suite struct WatchSimulationTests {
    @Test(arguments: 0..<60 as Range<UInt64>)
    func everyWatchKeepsItsGuarantees(seed: UInt64) throws {
        var simulation = WatchSimulation(seed: seed)
        for _ in 0..<1200 where simulation.violations.isEmpty { try simulation.step() }
        try simulation.finish()
        #expect(simulation.violations.isEmpty, "seed \(seed)")
        #expect(simulation.eventsReceived > 0 || simulation.watches.isEmpty, "seed \(seed)")
    }
}

/// One seeded life.
///
/// How often each thing happens is drawn once for each seed, so that some things do not happen at
/// all in some lives.
struct WatchSimulation {
    private enum Step: CaseIterable {
        case commit, create, cancel, take, work, deliver, abandon, compact, tick, progress, lose
    }

    private struct Client {
        var stream: WatchStreamID
        /// Which of `watches` each id of the stream is.
        var ids: [WatchID: Int] = [:]
        /// Watches whose creation is not answered yet, in order.
        var asked: [Int] = []
    }

    private var random: SeededGenerator
    private let world: WatchWorld
    private var weights: [(step: Step, weight: Int)] = []
    private var clients: [Client] = []
    private(set) var watches: [WatchHistory] = []
    private var value = 0

    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var limits = WatchLimits()
        limits.outboxBytesMax = [200, 1000, 1 << 20].randomElement(using: &random) ?? 200
        limits.catchUpRevisionsMax = Int.random(in: 1...20, using: &random)
        limits.catchUpRecordsMax = Int.random(in: 1...40, using: &random)
        limits.catchUpSharersMax = Int.random(in: 1...4, using: &random)
        self.world = WatchWorld(limits: limits)
        for step in Step.allCases {
            let isRare = step == .compact || step == .lose || step == .cancel
            let weight = Int.random(in: 0...(isRare ? 3 : 20), using: &random)
            self.weights.append((step, step == .commit || step == .take ? weight + 5 : weight))
        }
        self.random = random
    }

    var violations: [String] { self.watches.flatMap(\.violations) }
    var eventsReceived: Int { self.watches.reduce(0) { $0 + $1.events.count } }

    mutating func step() throws {
        var pick = Int.random(
            in: 0..<self.weights.reduce(0) { $0 + $1.weight },
            using: &self.random
        )
        for (step, weight) in self.weights {
            pick -= weight
            if pick < 0 { return try self.perform(step) }
        }
    }

    /// Lets everything come to rest and checks that nobody lacks anything.
    mutating func finish() throws {
        var isBusy = true
        while isBusy {
            isBusy = self.world.step()
            while !self.world.slices.isEmpty { self.world.deliver(0) }
            for index in self.clients.indices {
                isBusy = self.take(index, bytesMax: .max) || isBusy
            }
        }
        for index in self.watches.indices where !self.watches[index].isEnded {
            self.watches[index].checkEvents(
                through: self.world.hub.committedRevision,
                in: self.world
            )
        }
        let slow = self.world.hub.counters.slowWatchers
        #expect(slow == 0, "everybody has caught up")
        for client in self.clients { self.world.hub.closeStream(client.stream) }
        let counters = self.world.hub.counters
        #expect(counters.watchers == 0 && counters.streams == 0 && counters.pendingEvents == 0)
    }

    private mutating func perform(_ step: Step) throws {
        switch step {
        case .commit: self.commit()
        case .create: try self.create()
        case .cancel: self.cancel()
        case .take:
            guard let index = self.clients.indices.randomElement(using: &self.random) else {
                return
            }
            _ = self.take(index, bytesMax: Int.random(in: 0...1000, using: &self.random))
        case .work: _ = self.world.step(bytesMax: Int.random(in: 1...500, using: &self.random))
        case .deliver:
            let slices = self.world.slices.indices
            if let index = slices.randomElement(using: &self.random) { self.world.deliver(index) }
        case .abandon:
            let slices = self.world.slices.indices
            if let index = slices.randomElement(using: &self.random) {
                self.world.hub.abandon(self.world.slices.remove(at: index).slice)
            }
        case .compact:
            let committed = self.world.hub.committedRevision
            self.world.hub.compact(
                to: Int64.random(in: max(1, committed - 30)...committed, using: &self.random)
            )
            if Bool.random(using: &self.random) { self.world.hub.truncateLog() }
        case .tick:
            self.world.now += .milliseconds(Int.random(in: 1...700, using: &self.random))
            self.world.wake(self.world.hub.tick(now: self.world.now))
        case .progress:
            guard let client = self.clients.randomElement(using: &self.random) else { return }
            self.world.hub.requestProgress(on: client.stream)
        case .lose: try self.lose()
        }
    }

    private mutating func randomKey() -> String {
        ["a", "b", "c", "d"].randomElement(using: &self.random) ?? "a"
    }

    private mutating func commit() {
        let transactions = (0..<Int.random(in: 1...4, using: &self.random)).map { _ in
            var keys: Set<String> = []
            for _ in 0..<Int.random(in: 1...3, using: &self.random) {
                keys.insert(self.randomKey())
            }
            return keys.sorted().map { key -> WatchWorld.Write in
                self.value += 1
                return (
                    key, Int.random(in: 0..<4, using: &self.random) == 0 ? nil : "\(self.value)"
                )
            }
        }
        let misses = Int.random(in: 0..<10, using: &self.random) == 0
        self.world.commit(transactions) { misses }
    }

    private mutating func create() throws {
        if self.clients.isEmpty || (self.clients.count < 5 && Bool.random(using: &self.random)) {
            self.clients.append(Client(stream: try self.world.open()))
        }
        guard let index = self.clients.indices.randomElement(using: &self.random) else { return }
        let committed = self.world.hub.committedRevision
        let start = Int64.random(in: max(0, committed - 40)...(committed + 5), using: &self.random)
        let range = ["a", "b", "a..c", "b..", "..", "c..d"].randomElement(using: &self.random)
        var options = WatchOptions(rawValue: UInt8.random(in: 0...7, using: &self.random))
        if Bool.random(using: &self.random) { options.insert(.progressNotify) }
        let history = WatchHistory(
            range: WatchScript.request(range: range ?? "a").range,
            options: options,
            asked: start,
            committed: committed
        )
        self.watches.append(history)
        self.ask(self.watches.count - 1, of: index, start: start)
    }

    private mutating func ask(_ watch: Int, of client: Int, start: Int64) {
        var request = WatchCreateRequest(key: [], rangeEnd: [0])
        request.range = self.watches[watch].range
        request.options = self.watches[watch].options
        request.startRevision = start
        self.clients[client].asked.append(watch)
        self.world.hub.create(request, on: self.clients[client].stream, now: self.world.now)
    }

    private mutating func cancel() {
        guard let client = self.clients.randomElement(using: &self.random),
            let id = client.ids.keys.sorted().randomElement(using: &self.random)
        else { return }
        self.world.hub.cancel(id, on: client.stream)
    }

    /// A connection breaks: what was on its way is lost, and the watches are resumed on another.
    private mutating func lose() throws {
        guard let index = self.clients.indices.randomElement(using: &self.random) else { return }
        self.world.hub.closeStream(self.clients[index].stream)
        let lost = self.clients[index].asked + self.clients[index].ids.values.sorted()
        self.clients[index] = Client(stream: try self.world.open())
        for watch in lost where !self.watches[watch].isEnded {
            self.watches[watch].resume()
            self.ask(watch, of: index, start: self.watches[watch].delivered + 1)
        }
    }

    /// Drains a client's stream and lets its watches check what comes.
    /// - Returns: whether anything came.
    private mutating func take(_ index: Int, bytesMax: Int) -> Bool {
        let responses = self.world.take(self.clients[index].stream, bytesMax: bytesMax)
        for response in responses { self.receive(response, by: index) }
        return !responses.isEmpty
    }

    private mutating func receive(_ response: WatchResponse, by index: Int) {
        switch response {
        case .created(let id, _):
            let watch = self.clients[index].asked.removeFirst()
            self.clients[index].ids[id] = watch
            self.watches[watch].receive(response, in: self.world)
        case .progress(.invalid, _):
            for watch in self.clients[index].ids.values where !self.watches[watch].isEnded {
                self.watches[watch].receive(response, in: self.world)
            }
        case .canceled(let id, _):
            // It may have been ended by compaction before.
            guard let watch = self.clients[index].ids.removeValue(forKey: id) else { return }
            if !self.watches[watch].isEnded {
                self.watches[watch].receive(response, in: self.world)
            }
        case .compacted(let id, _), .events(let id, _, _, _), .progress(let id, _):
            guard let watch = self.clients[index].ids[id] else {
                Issue.record("a message for a watch that is not there")
                return
            }
            self.watches[watch].receive(response, in: self.world)
        case .refused:
            Issue.record("nothing that is asked for is refused")
        }
    }
}
