import ByreCore
import ByreTestKit
import Engine
import Synchronization
import Testing

/// Tenants that come and change while the store runs.
@Suite struct RegistryTests {
    private let fixture: StoreFixture

    init() throws {
        self.fixture = try StoreFixture()
    }

    @Test func aNewTenantIsAnEtcdOfItsOwn() throws {
        let tenant = try self.fixture.create(.numbered(2))
        try self.fixture.run("put a=1")
        #expect(try self.fixture.run("put a=other", on: tenant) == "rev 2")
        #expect(try self.fixture.run("grant 7 ttl 5", on: tenant) == "rev 2 lease 7 ttl 5")
        #expect(try self.fixture.run("grant 7 ttl 9") == "rev 2 lease 7 ttl 9")
        #expect(try self.fixture.run("compact 2", on: tenant) == "rev 2")
        #expect(self.fixture.tenant.snapshot.state.compactRevision == -1)
        #expect(try self.fixture.contents() == "a=1")
        #expect(try self.fixture.contents(of: tenant) == "a=other")
        let other = self.fixture.tenant
        #expect(tenant.clusterID != other.clusterID && tenant.memberID != other.memberID)
        #expect(tenant.clusterID != tenant.memberID && tenant.clusterID != 0)
    }

    @Test func theDirectoryFindsATenantByAllThatItIsCalled() throws {
        var definition = TenantDefinition.numbered(2, name: "b")
        definition.identities = [TenantIdentity(.dnsSAN, "b.example.com")]
        let before = self.fixture.store.directory
        let tenant = try self.fixture.create(definition)
        let directory = self.fixture.store.directory
        #expect(directory.version == before.version + 1)
        #expect(directory[name: "b"] === tenant)
        #expect(directory[uid: definition.uid] === tenant)
        #expect(directory[id: tenant.id] === tenant)
        #expect(directory.tenant(with: TenantIdentity(.dnsSAN, "b.example.com")) === tenant)
        #expect(directory.tenant(with: TenantIdentity(.uriSAN, "b.example.com")) == nil)
        #expect(directory.all.map(\.name) == ["b", "default"])
        // Whoever took the directory before keeps what it was.
        #expect(before[name: "b"] == nil && before.all.count == 1)
    }

    @Test func aDefinitionIsReplacedWholly() throws {
        let tenant = try self.fixture.create(.numbered(2, name: "old"))
        try self.fixture.define(tenant) { definition in
            definition.name = "new"
            definition.limits.keys = 5
            definition.identities = [TenantIdentity(.commonName, "cn")]
        }
        #expect(tenant.definition.generation == 2)
        #expect(tenant.definition.limits.keys == 5)
        let directory = self.fixture.store.directory
        #expect(directory[name: "old"] == nil && directory[name: "new"] === tenant)
        #expect(directory.all.map(\.name) == ["default", "new"])
        try self.fixture.define(tenant) { $0.identities = [] }
        #expect(self.fixture.store.directory.tenant(with: .init(.commonName, "cn")) == nil)
    }

    @Test func aChangeIsAnsweredAgainAsLongAsItSaysTheSame() throws {
        let definition = TenantDefinition.numbered(2)
        let tenant = try self.fixture.create(definition)
        let commits = self.fixture.memory.commits
        #expect(try self.fixture.create(definition) === tenant)
        var limited = tenant.definition
        limited.limits.keys = 1
        for _ in 1...2 {
            let change = TenantChange.replace(tenant.id, limited, ifGeneration: 1)
            #expect(try self.fixture.change(change).get() === tenant)
        }
        #expect(tenant.definition.generation == 2)
        #expect(self.fixture.memory.commits == commits + 1)
    }

    @Test func aChangeOfWhatSomebodyElseChangedIsRefused() throws {
        let tenant = try self.fixture.create(.numbered(2))
        try self.fixture.define(tenant) { $0.limits.keys = 1 }
        var late = tenant.definition
        late.limits.keys = 2
        #expect(
            Self.error(try self.fixture.change(.replace(tenant.id, late, ifGeneration: 1)))
                == .generationMismatch(present: 2)
        )
        #expect(tenant.definition.limits.keys == 1)
        #expect(
            try self.fixture.change(.replace(tenant.id, late, ifGeneration: 2)).get() === tenant
        )
    }

    /// What the second of two tenants takes of the first.
    enum Take: Sendable {
        case name(String), prefix(String), commonName(String), uid(String)

        func apply(to definition: inout TenantDefinition) {
            switch self {
            case .name(let name): definition.name = name
            case .prefix(let prefix): definition.prefix = Bytes(prefix.utf8)
            case .commonName(let name): definition.identities = [.init(.commonName, name)]
            case .uid(let uid): definition.uid = uid
            }
        }
    }

    /// Tenant `a` is there, with a common name of its own; `b` is to be made.
    @Test(
        arguments: [
            (Take.name("a"), .nameTaken(isDeleting: false)),
            (.name("default"), .nameTaken(isDeleting: false)),
            (.name("robot"), .identityTaken(.init(.commonName, "robot"), by: "a")),
            (.prefix("/a/"), .prefixTaken(by: "a")),
            (.prefix("/a/b/"), .prefixTaken(by: "a")),
            (.prefix("/a"), .prefixTaken(by: "a")),
            (.prefix("/default/x"), .prefixTaken(by: "default")),
            (.commonName("robot"), .identityTaken(.init(.commonName, "robot"), by: "a")),
            (.commonName("a"), .identityTaken(.init(.commonName, "a"), by: "a")),
            (.uid(TenantDefinition.numbered(2).uid), .invalid("another tenant has this uid")),
        ] as [(Take, TenantChangeError)]
    )
    func whatAnotherTenantHasIsRefused(
        _ take: Take,
        _ error: TenantChangeError
    ) throws {
        var first = TenantDefinition.numbered(2, name: "a")
        first.identities = [TenantIdentity(.commonName, "robot")]
        _ = try self.fixture.create(first)
        var second = TenantDefinition.numbered(3, name: "b")
        take.apply(to: &second)
        let commits = self.fixture.memory.commits
        #expect(Self.error(try self.fixture.change(.create(second))) == error)
        #expect(self.fixture.memory.commits == commits)
        #expect(self.fixture.store.directory.all.count == 2)
        // The same by way of another definition, where that may change.
        switch take {
        case .prefix, .uid: return
        case .name, .commonName: break
        }
        let tenant = try self.fixture.create(.numbered(3, name: "b"))
        let change = TenantChange.replace(tenant.id, second, ifGeneration: nil)
        #expect(Self.error(try self.fixture.change(change)) == error)
    }

    @Test func aTenantDoesNotBeginByBeingDeleted() throws {
        var definition = TenantDefinition.numbered(2)
        definition.lifecycle = .deleting
        definition.reclaimAt = 5
        let result = try self.fixture.change(.create(definition))
        #expect(Self.error(result) == .invalid("a tenant does not begin by being deleted"))
    }

    @Test func whatIsGivenOnceStays() throws {
        let tenant = try self.fixture.create(.numbered(2))
        let bodies: [(inout TenantDefinition) -> Void] = [
            { $0.uid = TenantDefinition.numbered(9).uid }, { $0.prefix = Bytes("/new/".utf8) },
            { $0.createdAt += 1 },
        ]
        for body in bodies {
            var definition = tenant.definition
            body(&definition)
            let result = try self.fixture.change(
                .replace(tenant.id, definition, ifGeneration: nil)
            )
            guard case .failure(.invalid(let why)) = result else {
                Issue.record("not refused")
                continue
            }
            #expect(why.hasSuffix("never changes"))
        }
        #expect(tenant.definition == .numbered(2))
    }

    @Test func aTenantThatIsNotThereCannotBeChanged() throws {
        let change = TenantChange.replace(
            TenantID(rawValue: 99),
            .numbered(2),
            ifGeneration: nil
        )
        #expect(Self.error(try self.fixture.change(change)) == .notFound)
    }

    @Test func aStoreHasABoundedNumberOfTenants() throws {
        let fixture = try StoreFixture { $0.tenantsMax = 2 }
        let tenant = try fixture.create(.numbered(2))
        #expect(Self.error(try fixture.change(.create(.numbered(3)))) == .tooManyTenants)
        // One counts until nothing is left of it.
        try fixture.run("put a=1", on: tenant)
        try fixture.delete(tenant, after: 0)
        #expect(Self.error(try fixture.change(.create(.numbered(3)))) == .tooManyTenants)
        try fixture.eraseAll()
        _ = try fixture.create(.numbered(3))
    }

    @Test func aStoreHasABoundedNumberOfDedicatedTenants() throws {
        let fixture = try StoreFixture { $0.dedicatedTenantsMax = 1 }
        func dedicated(_ number: Int) -> TenantDefinition {
            var definition = TenantDefinition.numbered(number)
            definition.isolation = .dedicated
            return definition
        }
        let tenant = try fixture.create(dedicated(2))
        #expect(tenant.definition.home == "home of t2")
        let refusal = TenantChangeError.tooManyDedicatedTenants
        #expect(Self.error(try fixture.change(.create(dedicated(3)))) == refusal)
        _ = try fixture.create(.numbered(4))
        try fixture.delete(tenant, after: 0)
        try fixture.eraseAll()
        _ = try fixture.create(dedicated(3))
    }

    @Test func theIsolationOfATenantNeverChanges() throws {
        let tenant = try self.fixture.create(.numbered(2))
        var definition = tenant.definition
        definition.isolation = .dedicated
        let change = TenantChange.replace(tenant.id, definition, ifGeneration: nil)
        #expect(
            Self.error(try self.fixture.change(change))
                == .invalid("the isolation of a tenant never changes")
        )
    }

    @Test func aChangeWhoseCommitFailsHasNotHappened() throws {
        let full = BackendError.unavailable("full")
        self.fixture.backend.failCommits([.before(full)])
        #expect(Self.error(try self.fixture.change(.create(.numbered(2)))) == .backend(full))
        #expect(self.fixture.store.directory.all.count == 1)
        let tenant = try self.fixture.create(.numbered(2))
        self.fixture.backend.failCommits([.before(full)])
        var definition = tenant.definition
        definition.name = "other"
        #expect(
            Self.error(
                try self.fixture.change(.replace(tenant.id, definition, ifGeneration: nil))
            ) == .backend(full)
        )
        #expect(tenant.definition == .numbered(2))
        #expect(self.fixture.store.directory[name: "other"] == nil)
        #expect(self.fixture.reports.all.count == 3)
    }

    @Test func changesSurviveARestart() throws {
        var definition = TenantDefinition.numbered(2)
        definition.autoCompaction = .periodic(retentionNanoseconds: 5)
        let tenant = try self.fixture.create(definition)
        try self.fixture.define(tenant) { $0.limits.bytes = 1 << 20 }
        try self.fixture.run("put a=1", on: tenant)
        self.fixture.stop()
        let again = try StoreFixture(on: self.fixture.memory.reopened())
        let found = try #require(again.store.tenant(named: "t2"))
        #expect(found.definition == tenant.definition)
        #expect(found.clusterID == tenant.clusterID && found.memberID == tenant.memberID)
        #expect(try again.contents(of: found) == "a=1")
        // Ids of tenants go on.
        let next = try again.create(.numbered(3))
        #expect(next.id > found.id)
    }

    @Test func whoObservesIsToldInOrderBeforeTheAnswer() throws {
        let seen = Mutex<[String]>([])
        self.fixture.store.observeTenants { event, directory in
            let text =
                switch event {
                case .created(let tenant): "created \(tenant.name)"
                case .defined(let tenant, let before):
                    "\(before.lifecycle) to \(tenant.lifecycle)"
                case .erased(let tenant): "erased \(tenant.name)"
                }
            seen.withLock { $0.append("\(directory.version) \(text)") }
        }
        let tenant = try self.fixture.create(.numbered(2))
        #expect(seen.withLock { $0 } == ["1 created t2"])
        try self.fixture.define(tenant) { $0.lifecycle = .suspended }
        try self.fixture.delete(tenant, after: 0)
        try self.fixture.eraseAll()
        #expect(
            seen.withLock { $0 } == [
                "1 created t2", "2 active to suspended", "3 suspended to deleting", "4 erased t2",
            ]
        )
    }

    @Test func aStoppedStoreRefusesChanges() throws {
        self.fixture.stop()
        #expect(throws: TenantChangeError.stopped) {
            try self.fixture.store.submit(.create(.numbered(2)), reply: nil)
        }
    }

    @Test func changesThatWaitAreBounded() throws {
        let fixture = try StoreFixture { $0.tenantChangesMax = 2 }
        fixture.backend.holdCommits()
        let held = try fixture.submit("put a=1")
        try fixture.backend.awaitHeldCommit()
        let answers = [TenantAnswer(), TenantAnswer()]
        for (number, answer) in answers.enumerated() {
            try fixture.store.submit(.create(.numbered(2 + number)), reply: answer)
        }
        #expect(throws: TenantChangeError.tooManyChanges) {
            try fixture.store.submit(.create(.numbered(4)), reply: nil)
        }
        fixture.backend.releaseCommits()
        #expect(try held.text() == "rev 2")
        for answer in answers { _ = try answer.result().get() }
        #expect(fixture.store.directory.all.count == 3)
    }

    private static func error(
        _ result: Result<TenantStore, TenantChangeError>
    ) -> TenantChangeError? {
        guard case .failure(let error) = result else { return nil }
        return error
    }
}
