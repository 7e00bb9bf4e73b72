import ByreCore
import ByreTestKit
import Engine
import Testing

/// Random changes of the registry, with failures and crashes, beside a plain list of what was
/// acknowledged.
@Suite struct RegistryPropertyTests {
    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func theRegistryIsWhatWasAcknowledged(seed: UInt64) throws {
        var world = try World(seed: seed)
        for _ in 0..<60 {
            try world.step()
            try world.check()
        }
        try world.crash()
        try world.check()
    }

    private struct World {
        private var random: SeededGenerator
        private let clock = SimulatedClock()
        private var fixture: StoreFixture
        /// What was acknowledged, by uid.
        private var model: [String: TenantDefinition] = [:]
        private var contents: [String: String] = [:]
        private var lastNumber = 1

        init(seed: UInt64) throws {
            self.random = SeededGenerator(seed: seed)
            self.fixture = try StoreFixture(clock: self.clock) {
                $0.eraseRowsPerSlice = 2
                $0.eraseRetryNanoseconds = 0
            }
            let definition = self.fixture.tenant.definition
            self.model[definition.uid] = definition
        }

        mutating func step() throws {
            switch Int.random(in: 0..<20, using: &self.random) {
            case 0..<5: try self.create()
            case 5..<11: try self.replace()
            case 11..<15: try self.put()
            case 15..<18:
                self.clock.advance(bySeconds: .random(in: 0...4, using: &self.random))
            case 18: try self.crash()
            default: self.fixture.backend.failCommits([.before(.unavailable("full"))])
            }
        }

        private mutating func draw(_ definition: inout TenantDefinition) {
            let name = "n\(Int.random(in: 0..<6, using: &self.random))"
            switch Int.random(in: 0..<5, using: &self.random) {
            case 0: definition.name = name
            case 1: definition.identities = [TenantIdentity(.commonName, name)]
            case 2: definition.limits.keys = .random(in: 0..<3, using: &self.random)
            case 3:
                definition.lifecycle = .deleting
                definition.reclaimAt =
                    self.clock.wallSeconds + .random(in: 0...9, using: &self.random)
            default:
                definition.lifecycle = Bool.random(using: &self.random) ? .active : .suspended
                definition.reclaimAt = nil
            }
        }

        private mutating func create() throws {
            let isNew = Int.random(in: 0..<5, using: &self.random) > 0
            if isNew { self.lastNumber += 1 }
            let name = "n\(Int.random(in: 0..<6, using: &self.random))"
            var definition = TenantDefinition.numbered(self.lastNumber, name: name)
            definition.prefix = Bytes("/\(Int.random(in: 0..<20, using: &self.random))".utf8)
            self.acknowledge(try self.fixture.change(.create(definition)))
        }

        private mutating func replace() throws {
            let tenants = self.fixture.store.directory.all.filter { $0.name != "default" }
            guard let tenant = tenants.randomElement(using: &self.random) else { return }
            var definition = tenant.definition
            let generation = definition.generation
            self.draw(&definition)
            let isLate = Int.random(in: 0..<8, using: &self.random) == 0
            let result = try self.fixture.change(
                .replace(tenant.id, definition, ifGeneration: isLate ? generation + 1 : generation)
            )
            self.acknowledge(result)
        }

        private mutating func acknowledge(_ result: Result<TenantStore, TenantChangeError>) {
            switch result {
            case .success(let tenant): self.model[tenant.definition.uid] = tenant.definition
            case .failure(.backend(.corrupt(let what))): Issue.record("\(what)")
            case .failure: break
            }
        }

        private mutating func put() throws {
            let tenants = self.fixture.store.directory.all.filter { $0.lifecycle == .active }
            guard let tenant = tenants.randomElement(using: &self.random) else { return }
            let value = Int.random(in: 0..<100, using: &self.random)
            if try self.fixture.run("put a=\(value)", on: tenant).hasPrefix("rev") {
                self.contents[tenant.definition.uid] = "a=\(value)"
            }
        }

        mutating func crash() throws {
            let memory = self.fixture.memory.reopened()
            self.fixture.stop()
            self.fixture = try StoreFixture(on: memory, clock: self.clock) {
                $0.eraseRowsPerSlice = 2
                $0.eraseRetryNanoseconds = 0
            }
        }

        mutating func check() throws {
            // A commit that is still to fail would make a turn's outcome a matter of chance.
            for _ in 0..<3 { try self.fixture.turn() }
            let now = self.clock.wallSeconds
            for (uid, definition) in self.model where (definition.reclaimAt ?? .max) <= now {
                self.model[uid] = nil
                self.contents[uid] = nil
            }
            let directory = self.fixture.store.directory
            let found = directory.all.map(\.definition)
            #expect(found == self.model.values.sorted { $0.name < $1.name })
            for tenant in directory.all {
                let definition = tenant.definition
                #expect(directory[name: definition.name] === tenant)
                #expect(directory[uid: definition.uid] === tenant)
                #expect(directory[id: tenant.id] === tenant)
                for identity in definition.identities {
                    #expect(directory.tenant(with: identity) === tenant)
                }
                let contents = try self.fixture.contents(of: tenant)
                #expect(contents == self.contents[definition.uid] ?? "")
            }
            // The store says the same, but for what is being erased.
            let stored = self.fixture.memory.tenants.values
            #expect(
                stored.filter { !$0.isErasing }.map(\.definition).sorted { $0.name < $1.name }
                    == found
            )
            #expect(Set(stored.map(\.definition.name)).count == stored.count)
            let prefixes = stored.map(\.definition.prefix)
            for (place, prefix) in prefixes.enumerated() {
                for other in prefixes.dropFirst(place + 1) {
                    #expect(!prefix.starts(with: other) && !other.starts(with: prefix))
                }
            }
        }
    }
}
