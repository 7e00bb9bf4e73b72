import ByreCore
import ByreTestKit
import Engine
import Synchronization
import Testing

/// Imports that end well, and those that do not.
@Suite struct ImportTests {
    private let fixture: StoreFixture
    private let tenant: TenantStore

    init() throws {
        self.fixture = try StoreFixture { $0.eraseRowsPerSlice = 2 }
        var definition = TenantDefinition.numbered(2)
        definition.lifecycle = .suspended
        self.tenant = try self.fixture.create(definition)
    }

    private static func key(
        _ name: String,
        at revision: Int64,
        sub: UInt32 = 0,
        lease: Int64 = 0
    ) -> ImportedKey {
        ImportedKey(
            key: Bytes(name.utf8),
            value: Bytes("v\(revision)".utf8),
            modRevision: revision,
            sub: sub,
            createRevision: 2,
            version: 5,
            lease: LeaseID(rawValue: lease)
        )
    }

    private static let lease = LeaseRecord(id: LeaseID(rawValue: 7), ttlSeconds: 60)
    private static let keys: [ImportedKey] = [
        key("b", at: 3, lease: 7), key("a", at: 5), key("c", at: 5, sub: 1), key("d", at: 9),
        key("e", at: 20),
    ]

    /// Does steps of an import, each answered before the next.
    private static func run(
        _ steps: [ImportStep],
        of session: TenantImport,
        in store: Store
    ) throws -> ImportError? {
        for step in steps {
            let answer = StepAnswer()
            try store.submit(step, of: session, reply: answer)
            if case .failure(let error) = try answer.result() { return error }
        }
        return nil
    }

    private func run(_ steps: ImportStep..., of session: TenantImport) throws -> ImportError? {
        try Self.run(steps, of: session, in: self.fixture.store)
    }

    private func importAll(into tenant: TenantStore, of store: Store) throws -> ImportError? {
        try Self.run(
            [
                .begin, .leases([Self.lease]), .keys(Array(Self.keys[..<3])),
                .keys(Array(Self.keys[3...])), .finish(revision: 20),
            ],
            of: TenantImport(into: tenant),
            in: store
        )
    }

    private func rows(in memory: MemoryBackend) -> Int {
        memory.rows.count { $0.tenant == self.tenant.id }
    }

    private static let all = "b=v3 a=v5 c=v5 d=v9 e=v20".split(separator: " ").sorted()
        .joined(separator: " ")

    @Test func allOfItIsVisibleAtOnce() throws {
        let session = TenantImport(into: self.tenant)
        #expect(try self.run(.begin, .leases([Self.lease]), .keys(Self.keys), of: session) == nil)
        #expect(self.tenant.snapshot.state.isPristine)
        #expect(try self.run(.finish(revision: 20), of: session) == nil)
        let state = self.tenant.snapshot.state
        #expect(self.tenant.lifecycle == .active)
        #expect(state.revision == 20 && state.compactRevision == 20)
        #expect(try self.fixture.contents(of: self.tenant) == Self.all)
        #expect(state.index.latest(of: Bytes("c".utf8))?.sub == 1)
        #expect(state.leases[Self.lease.id].map { Array($0.keys) } == [Bytes("b".utf8)])
        #expect(
            self.tenant.remaining(Self.lease.id, now: self.fixture.clock.now) == 60_000_000_000
        )
        #expect(try self.fixture.run("put a=1", on: self.tenant) == "rev 21")
        #expect(self.tenant.withHub { $0.committedRevision } == 21)
    }

    @Test func aValueThatIsTooLongForTheTenantEndsIt() throws {
        try self.fixture.define(self.tenant) { $0.limits.valueBytes = 2 }
        let session = TenantImport(into: self.tenant)
        let fitting = Array(Self.keys[..<4])
        #expect(try self.run(.begin, .keys(fitting), of: session) == nil)
        let error = try self.run(.keys([Self.key("e", at: 20)]), of: session)
        #expect(error == .overLimit("bytes of a value"))
        try self.fixture.compactAll()
        #expect(self.rows(in: self.fixture.memory) == 0)
        try self.fixture.define(self.tenant) { $0.limits.valueBytes = 3 }
        #expect(try self.importAll(into: self.tenant, of: self.fixture.store) == nil)
    }

    @Test func aStartFindsAllOfItOrNothing() throws {
        let session = TenantImport(into: self.tenant)
        #expect(try self.run(.begin, .keys(Array(Self.keys[..<3])), of: session) == nil)
        #expect(self.rows(in: self.fixture.memory) == 3)

        let crashed = try StoreFixture(on: self.fixture.memory.reopened())
        let empty = try crashed.tenant("t2")
        #expect(empty.snapshot.state.isPristine && empty.lifecycle == .suspended)
        #expect(self.rows(in: crashed.memory) == 0)
        #expect(try self.importAll(into: empty, of: crashed.store) == nil)

        let again = try StoreFixture(on: crashed.memory.reopened())
        let whole = try again.tenant("t2")
        #expect(whole.lifecycle == .active && whole.snapshot.state.revision == 20)
        #expect(try again.contents(of: whole) == Self.all)
        #expect(whole.snapshot.state.leases.count == 1)
    }

    @Test func whatIsGivenUpIsCleared() throws {
        let session = TenantImport(into: self.tenant)
        #expect(try self.run(.begin, .keys(Self.keys), .abandon, of: session) == nil)
        #expect(try self.run(.keys([Self.key("f", at: 30)]), of: session) == .ended)
        try self.fixture.compactAll()
        #expect(self.rows(in: self.fixture.memory) == 0)
        #expect(try self.importAll(into: self.tenant, of: self.fixture.store) == nil)
        #expect(try self.fixture.contents(of: self.tenant) == Self.all)
    }

    @Test(arguments: [1, 2])
    func aFailedCommitEndsIt(step: Int) throws {
        let session = TenantImport(into: self.tenant)
        #expect(try self.run(.begin, .keys([Self.key("a", at: 2)]), of: session) == nil)
        self.fixture.backend.failCommits([.before(.unavailable("full"))])
        let next: ImportStep = step == 1 ? .keys([Self.key("b", at: 3)]) : .finish(revision: 3)
        #expect(try self.run(next, of: session) == .backend(.unavailable("full")))
        #expect(self.tenant.lifecycle == .suspended)
        #expect(self.tenant.snapshot.state.isPristine)
        try self.fixture.compactAll()
        #expect(self.rows(in: self.fixture.memory) == 0)
        #expect(try self.importAll(into: self.tenant, of: self.fixture.store) == nil)
    }

    @Test func aTenantThatIsImportedIsNotResumed() throws {
        let session = TenantImport(into: self.tenant)
        #expect(try self.run(.begin, .keys(Self.keys), of: session) == nil)
        var active = self.tenant.definition
        active.lifecycle = .active
        let resumed = try self.fixture.change(
            .replace(self.tenant.id, active, ifGeneration: nil)
        )
        #expect(throws: TenantChangeError.importing) { try resumed.get() }
        // Its limits may change.
        try self.fixture.define(self.tenant) { $0.limits.watches = 3 }
        #expect(try self.run(.finish(revision: 20), of: session) == nil)
        #expect(self.tenant.definition.limits.watches == 3)
    }

    @Test func aTenantThatIsDeletedTakesItsImportWithIt() throws {
        let session = TenantImport(into: self.tenant)
        #expect(try self.run(.begin, .keys(Self.keys), of: session) == nil)
        try self.fixture.delete(self.tenant, after: 0)
        #expect(try self.run(.finish(revision: 20), of: session) == .ended)
        try self.fixture.eraseAll()
        #expect(self.fixture.store.tenant(named: "t2") == nil)
        #expect(self.rows(in: self.fixture.memory) == 0)
    }

    @Test func onlyOneAtATime() throws {
        let session = TenantImport(into: self.tenant)
        #expect(try self.run(.begin, of: session) == nil)
        #expect(try self.run(.begin, of: TenantImport(into: self.tenant)) == .underWay)
        #expect(try self.run(.finish(revision: 1), of: session) == nil)
        #expect(self.tenant.snapshot.state.compactRevision == -1)
    }

    @Test func whatHoldsSomethingIsLeftAlone() throws {
        try self.fixture.define(self.tenant) { $0.lifecycle = .active }
        #expect(try self.run(.begin, of: TenantImport(into: self.tenant)) == .notSuspended)
        try self.fixture.run("put a=1", on: self.tenant)
        try self.fixture.define(self.tenant) { $0.lifecycle = .suspended }
        #expect(
            try self.run(.begin, of: TenantImport(into: self.tenant)) == .notEmpty(revision: 2)
        )
    }

    private struct Fault: Sendable {
        let error: ImportError
        let steps: [ImportStep]
    }

    private static let faults = [
        Fault(
            error: .contradiction("revision 3 comes out of order"),
            steps: [.keys([key("a", at: 3), key("b", at: 3)])]
        ),
        Fault(
            error: .contradiction("a key comes twice, again at 4"),
            steps: [.keys([key("a", at: 3)]), .keys([key("a", at: 4)])]
        ),
        Fault(error: .contradiction("lease 7 comes twice"), steps: [.leases([lease, lease])]),
        Fault(
            error: .contradiction("there are keys of revisions after 2"),
            steps: [.keys([key("a", at: 3)]), .finish(revision: 2)]
        ),
        Fault(error: .overLimit("keys"), steps: [.keys(keys)]),
    ]

    @Test(arguments: faults.indices)
    func whatContradictsItselfIsRefusedAndCleared(number: Int) throws {
        try self.fixture.define(self.tenant) { $0.limits.keys = 4 }
        let fault = Self.faults[number]
        let steps = [.begin] + fault.steps
        let session = TenantImport(into: self.tenant)
        #expect(try Self.run(steps, of: session, in: self.fixture.store) == fault.error)
        try self.fixture.compactAll()
        #expect(self.rows(in: self.fixture.memory) == 0)
        #expect(self.tenant.snapshot.state.isPristine)
    }
}
