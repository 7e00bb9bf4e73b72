import ByreCore
import ByreTestKit
import Engine
import Testing

/// Imports into a tenant that several instances serve.
@Suite struct SharedImportTests {
    private static func key(_ name: String, at revision: Int64, lease: Int64 = 0) -> ImportedKey {
        ImportedKey(
            key: Bytes(name.utf8),
            value: Bytes("v\(revision)".utf8),
            modRevision: revision,
            sub: 0,
            createRevision: 2,
            version: 5,
            lease: LeaseID(rawValue: lease)
        )
    }

    private static let keys = [key("a", at: 3, lease: 7), key("b", at: 5), key("c", at: 9)]
    private static let lease = LeaseRecord(id: LeaseID(rawValue: 7), ttlSeconds: 60)
    private static let all = "a=v3 b=v5 c=v9"

    private let fixture: SharedFixture
    private let id: TenantID

    init() throws {
        self.fixture = try SharedFixture {
            $0.eraseRetryNanoseconds = 1_000_000
            $0.importWaitNanoseconds = 20_000_000
            $0.eraseRowsPerSlice = 2
        }
        var definition = TenantDefinition.numbered(5, name: "acme")
        definition.lifecycle = .suspended
        self.id = try self.fixture.change(.create(definition), on: 0).id
        let stores = self.fixture.stores
        try self.fixture.await("the tenant") { stores[1].tenant(named: "acme") != nil }
    }

    /// An import at an instance, and its first steps.
    private func begin(
        _ steps: ImportStep...,
        at instance: Int
    ) throws -> (session: TenantImport, error: ImportError?) {
        let session = TenantImport(into: try self.fixture.tenant(instance, "acme"))
        for step in [.begin, .leases([Self.lease])] + steps {
            if let error = try self.run(step, of: session, at: instance) { return (session, error) }
        }
        return (session, nil)
    }

    private func run(
        _ step: ImportStep,
        of session: TenantImport,
        at instance: Int
    ) throws -> ImportError? {
        let answer = StepAnswer()
        try self.fixture.stores[instance].submit(step, of: session, reply: answer)
        if case .failure(let error) = try answer.result() { return error }
        return nil
    }

    private func isBackendError(_ error: ImportError?) -> Bool {
        if case .backend = error { true } else { false }
    }

    @Test func theOthersSeeNothingOfItAndThenAllOfIt() throws {
        let (session, error) = try self.begin(.keys(Self.keys), at: 0)
        #expect(error == nil)
        try self.fixture.settle(1, "acme")
        let there = try self.fixture.tenant(1, "acme")
        #expect(there.lifecycle == .suspended && there.snapshot.state.isPristine)
        #expect(try self.run(.finish(revision: 20), of: session, at: 0) == nil)
        try self.fixture.await("the end of the import") { there.lifecycle == .active }
        #expect(try self.fixture.contents(1, "acme") == Self.all)
        #expect(try self.fixture.run("put a=1", on: 1, tenant: "acme") == "rev 21")
        #expect(try self.fixture.run("revoke 7", on: 1, tenant: "acme") == "rev 21")
        #expect(try self.fixture.contents(0, "acme") == "a=1 b=v5 c=v9")
        #expect(self.fixture.memory.faults == [])
    }

    /// Neither another import, which would first clear what it takes for remains, nor a change that makes
    /// the tenant active.
    @Test func noOtherInstanceDisturbsIt() throws {
        let (session, error) = try self.begin(.keys([Self.keys[0], Self.keys[1]]), at: 0)
        #expect(error == nil)
        try self.fixture.settle(1, "acme")
        #expect(self.isBackendError(try self.begin(at: 1).error))
        var definition = try self.fixture.tenant(1, "acme").definition
        definition.lifecycle = .active
        #expect(throws: TenantChangeError.self) {
            try self.fixture.change(.replace(self.id, definition, ifGeneration: nil), on: 1)
        }
        #expect(try self.run(.keys([Self.keys[2]]), of: session, at: 0) == nil)
        #expect(try self.run(.finish(revision: 20), of: session, at: 0) == nil)
        #expect(try self.fixture.contents(1, "acme") == Self.all)
        #expect(self.fixture.memory.rows(of: self.id).count == 3)
    }

    @Test func anotherTakesOverFromOneThatDied() throws {
        #expect(try self.begin(.keys([Self.keys[0], Self.keys[1]]), at: 0).error == nil)
        self.fixture.cut(0)
        #expect(self.isBackendError(try self.begin(at: 1).error))
        self.fixture.memory.advance(bySeconds: 11)
        let (session, error) = try self.begin(.keys(Self.keys), at: 1)
        #expect(error == nil)
        #expect(try self.run(.finish(revision: 20), of: session, at: 1) == nil)
        #expect(try self.fixture.contents(1, "acme") == Self.all)
        #expect(self.fixture.memory.rows(of: self.id).count == 3)
        #expect(self.fixture.memory.faults == [])
    }

    @Test func whoIsStartedAnewNeedNotWaitForItself() throws {
        #expect(try self.begin(.keys([Self.keys[0], Self.keys[1]]), at: 0).error == nil)
        try self.fixture.restart(0)
        let (session, error) = try self.begin(.keys(Self.keys), at: 0)
        #expect(error == nil)
        #expect(try self.run(.finish(revision: 20), of: session, at: 0) == nil)
        #expect(try self.fixture.contents(1, "acme") == Self.all)
        #expect(self.fixture.memory.rows(of: self.id).count == 3)
    }

    /// One that was paused comes back when another has imported: it is refused, and clears nothing.
    @Test func whoComesBackLateLeavesWhatIsThere() throws {
        let (late, error) = try self.begin(.keys([Self.keys[0]]), at: 0)
        #expect(error == nil)
        self.fixture.cut(0)
        self.fixture.memory.advance(bySeconds: 11)
        let (session, _) = try self.begin(.keys(Self.keys), at: 1)
        self.fixture.cut(0, false)
        #expect(try self.run(.keys([Self.keys[1]]), of: late, at: 0) == .underWay)
        #expect(try self.run(.finish(revision: 20), of: session, at: 1) == nil)
        try self.fixture.settle(0, "acme")
        // It answers when what the late one had to clear is cleared.
        #expect(try self.begin(at: 0).error == .notSuspended)
        #expect(try self.fixture.contents(0, "acme") == Self.all)
        #expect(self.fixture.memory.rows(of: self.id).count == 3)
    }

    /// It must not go on without the rows that another has cleared.
    @Test func whoComesBackToWhatAnotherHasClearedIsRefused() throws {
        let (late, error) = try self.begin(.keys([Self.keys[0]]), at: 0)
        #expect(error == nil)
        self.fixture.cut(0)
        self.fixture.memory.advance(bySeconds: 11)
        let (session, _) = try self.begin(at: 1)
        #expect(try self.run(.abandon, of: session, at: 1) == nil)
        #expect(self.fixture.memory.rows(of: self.id).isEmpty)
        self.fixture.cut(0, false)
        #expect(try self.run(.keys([Self.keys[1]]), of: late, at: 0) == .underWay)
    }

    /// The numbers of rows whose commit failed are those of others' rows by the time they are cleared.
    @Test func clearingWhatFailedTakesNobodysRows() throws {
        self.fixture.memory.failCommits(of: 0, Array(repeating: .before, count: 100_000))
        #expect(self.isBackendError(try self.begin(.keys(Self.keys), at: 0).error))
        var definition = try self.fixture.tenant(1, "acme").definition
        definition.lifecycle = .active
        _ = try self.fixture.change(.replace(self.id, definition, ifGeneration: nil), on: 1)
        try self.fixture.run("put a=1", on: 1, tenant: "acme")
        try self.fixture.run("put b=2", on: 1, tenant: "acme")
        self.fixture.memory.failNoCommits(of: 0)
        try self.fixture.settle(0, "acme")
        #expect(try self.begin(at: 0).error == .notSuspended)
        #expect(self.fixture.memory.rows(of: self.id).count == 2)
        #expect(try self.fixture.contents(1, "acme") == "a=1 b=2")
    }
}
