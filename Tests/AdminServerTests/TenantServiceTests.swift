import ByreAPI
import ByreCore
import Engine
import FoundationEssentials
import GRPC
import SwiftProtobuf
import Testing

/// What the RPCs answer, and that each may be asked for again.
@Suite struct TenantServiceTests {
    private let fixture: AdminFixture

    init() throws {
        self.fixture = try AdminFixture()
    }

    private static let acme = ByreTenantReference.with { $0.name = "acme" }

    private func create(
        _ edit: (inout ByreCreateRequest) -> Void = { _ in }
    ) throws -> ByreCreateResponse {
        var request = ByreCreateRequest.with { $0.name = "acme" }
        edit(&request)
        return try self.fixture.call("Create", request)
    }

    private func definition() throws -> TenantDefinition {
        try #require(self.fixture.store.tenant(named: "acme")).definition
    }

    @Test func everySettingArrives() throws {
        let kinds: [ByreIdentityKind] = [
            .uriSan, .dnsSan, .commonName, .authority, .serverName,
        ]
        let settings = ByreTenantSettings.with { settings in
            settings.limits = .with { limits in
                limits.bytes = 1
                limits.spaceMode = .strict
                limits.keys = 2
                limits.valueBytes = 3
                limits.writesPerSecond = 4
                limits.readsPerSecond = 5
                limits.readBytesPerSecond = 6
                limits.watches = 7
                limits.leases = 8
                limits.connections = 9
                limits.inFlight = 10
            }
            settings.identities = kinds.map { kind in
                .with {
                    $0.kind = kind
                    $0.value = String(repeating: "a", count: 64)
                }
            }
            settings.autoCompaction.periodicNanoseconds = 11
        }
        let response = try self.create { request in
            request.settings = settings
            request.prefix = .init("/raw/".utf8)
            request.uid = "00000000-0000-4000-8000-000000000007"
        }
        #expect(response.created)
        let definition = try self.definition()
        let limits = definition.limits
        #expect(
            [
                limits.bytes, limits.keys, limits.valueBytes, limits.writesPerSecond,
                limits.readsPerSecond, limits.readBytesPerSecond, limits.watches, limits.leases,
                limits.connections, limits.inFlight,
            ] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        )
        #expect(limits.spaceMode == .strict)
        #expect(Set(definition.identities.map(\.kind)) == Set(TenantIdentity.Kind.allCases))
        #expect(definition.autoCompaction == .periodic(retentionNanoseconds: 11))
        #expect(definition.prefix == Bytes("/raw/".utf8))
        #expect(definition.uid == "00000000-0000-4000-8000-000000000007")
        let shown = try self.fixture.call(
            "Get",
            ByreGetRequest.with { $0.tenant = Self.acme },
            as: ByreGetResponse.self
        ).tenant
        #expect(shown == response.tenant)
        #expect(shown.settings.limits == settings.limits)
        #expect(Set(shown.settings.identities) == Set(settings.identities))
        #expect(shown.settings.autoCompaction == settings.autoCompaction)
    }

    @Test func creationMayBeAskedForAgain() throws {
        let first = try self.create { $0.settings.limits.bytes = 5 }
        let again = try self.create { $0.settings.limits.bytes = 5 }
        #expect(first.created && !again.created && again.tenant == first.tenant)
        let other = ByreCreateRequest.with { $0.name = "acme" }
        #expect(self.fixture.status("Create", other)?.code == .alreadyExists)
    }

    @Test func aDedicatedTenantSaysWhereItIs() throws {
        let first = try self.create { $0.isolation = .dedicated }
        #expect(first.tenant.isolation == .dedicated && first.tenant.home == "home of acme")
        let again = try self.create { $0.isolation = .dedicated }
        #expect(!again.created && again.tenant == first.tenant)
        let shared = self.fixture.status("Create", ByreCreateRequest.with { $0.name = "acme" })
        #expect(shared?.code == .alreadyExists)
        #expect(shared?.message.contains("isolation") == true)
        let unknown = ByreCreateRequest.with {
            $0.name = "beta"
            $0.isolation = .UNRECOGNIZED(9)
        }
        #expect(self.fixture.status("Create", unknown)?.code == .invalidArgument)
    }

    @Test(arguments: [
        (["limits.watches"], "limits.watches"), (["limits"], "limits.bytes limits.watches"),
        (["identities"], "identities"), (["auto_compaction"], "auto_compaction"),
        ([], "limits.bytes limits.watches identities auto_compaction"),
    ])
    func anUpdateTakesWhatItsMaskNames(paths: [String], changed: String) throws {
        _ = try self.create()
        let request = ByreUpdateRequest.with { request in
            request.tenant = Self.acme
            request.mask.paths = paths
            request.settings.limits.bytes = 5
            request.settings.limits.watches = 6
            request.settings.identities = [
                .with {
                    $0.kind = .dnsSan
                    $0.value = "a.example"
                }
            ]
            request.settings.autoCompaction.revisions = 7
        }
        let response: ByreUpdateResponse = try self.fixture.call("Update", request)
        #expect(response.changed)
        let definition = try self.definition()
        let names = changed.split(separator: " ")
        #expect((definition.limits.bytes != nil) == names.contains("limits.bytes"))
        #expect((definition.limits.watches != nil) == names.contains("limits.watches"))
        #expect(definition.identities.isEmpty != names.contains("identities"))
        #expect((definition.autoCompaction != nil) == names.contains("auto_compaction"))
        let again: ByreUpdateResponse = try self.fixture.call("Update", request)
        #expect(!again.changed && again.tenant == response.tenant)
    }

    @Test func anUpdateOfAnotherGenerationIsAborted() throws {
        _ = try self.create()
        var request = ByreUpdateRequest.with { request in
            request.tenant = Self.acme
            request.settings.limits.bytes = 5
            request.ifGeneration = 2
        }
        #expect(self.fixture.status("Update", request)?.code == .aborted)
        request.ifGeneration = 1
        let response: ByreUpdateResponse = try self.fixture.call("Update", request)
        #expect(response.tenant.generation == 2)
        // The answer may have got lost.
        let again: ByreUpdateResponse = try self.fixture.call("Update", request)
        #expect(!again.changed)
    }

    @Test func deletionIsShortenedAndNeverLengthened() throws {
        _ = try self.create()
        func delete(_ seconds: Int64) throws -> ByreDeleteResponse {
            try self.fixture.call(
                "Delete",
                ByreDeleteRequest.with { request in
                    request.tenant = Self.acme
                    request.graceSeconds = seconds
                }
            )
        }
        let first = try delete(3_600)
        #expect(first.changed && first.tenant.state == .deleting)
        #expect(try !delete(7_200).changed)
        let sooner = try delete(60)
        #expect(sooner.changed && sooner.tenant.reclaimAt < first.tenant.reclaimAt)
        for name in ["Suspend", "Resume"] {
            let request = ByreSuspendRequest.with { $0.tenant = Self.acme }
            #expect(self.fixture.status(name, request)?.code == .failedPrecondition)
        }
        let undelete = ByreUndeleteRequest.with { $0.tenant = Self.acme }
        let back: ByreUndeleteResponse = try self.fixture.call("Undelete", undelete)
        #expect(back.changed && back.tenant.state == .active && !back.tenant.hasReclaimAt)
        let again: ByreUndeleteResponse = try self.fixture.call("Undelete", undelete)
        #expect(!again.changed)
    }

    @Test func aTenantThatIsTakenBackIsWhatItWas() throws {
        _ = try self.create()
        func call(_ name: String) throws -> ByreState {
            // The requests differ in nothing, nor do the answers.
            let response: ByreSuspendResponse = try self.fixture.call(
                name,
                ByreSuspendRequest.with { $0.tenant = Self.acme }
            )
            return response.tenant.state
        }
        func delete() throws -> ByreState {
            let response: ByreDeleteResponse = try self.fixture.call(
                "Delete",
                ByreDeleteRequest.with { request in
                    request.tenant = Self.acme
                    request.graceSeconds = 3_600 - Int64.random(in: 0..<60)
                }
            )
            return response.tenant.state
        }
        #expect(try call("Suspend") == .suspended)
        #expect(try delete() == .deleting)
        // Asked for again it is deleted, and was so before.
        #expect(try delete() == .deleting)
        #expect(try call("Undelete") == .suspended)
        #expect(try call("Resume") == .active)
        #expect(try delete() == .deleting)
        #expect(try call("Undelete") == .active)
    }

    private struct Fault: Sendable {
        let name: String
        let request: any SwiftProtobuf.Message
        let code: Status.Code
        let field: String
    }

    private static let faults: [Fault] = [
        Fault(
            name: "Create",
            request: ByreCreateRequest.with { $0.name = "-a" },
            code: .invalidArgument,
            field: "name"
        ),
        Fault(
            name: "Create",
            request: ByreCreateRequest.with {
                $0.name = "a"
                $0.settings.limits.leases = -1
            },
            code: .invalidArgument,
            field: "limits.leases"
        ),
        Fault(
            name: "Create",
            request: ByreCreateRequest.with {
                $0.name = "a"
                $0.settings.identities = [ByreIdentity()]
            },
            code: .invalidArgument,
            field: "identities[0].kind"
        ),
        Fault(
            name: "Update",
            request: ByreUpdateRequest.with {
                $0.tenant.name = "default"
                $0.mask.paths = ["limits.color"]
            },
            code: .invalidArgument,
            field: "mask"
        ),
        Fault(name: "Get", request: ByreGetRequest(), code: .invalidArgument, field: "tenant"),
        Fault(
            name: "Get",
            request: ByreGetRequest.with { $0.tenant.uid = "none" },
            code: .notFound,
            field: "none"
        ),
        Fault(
            name: "Delete",
            request: ByreDeleteRequest.with {
                $0.tenant.name = "default"
                $0.graceSeconds = -1
            },
            code: .invalidArgument,
            field: "grace_seconds"
        ),
        Fault(
            name: "Create",
            request: ByreCreateRequest.with {
                $0.name = "a"
                $0.prefix = .init("/default/x".utf8)
            },
            code: .alreadyExists,
            field: "prefix"
        ),
    ]

    @Test(arguments: faults.indices)
    func whatIsWrongIsNamed(number: Int) throws {
        let fault = Self.faults[number]
        let answered = self.fixture.status(fault.name, fault.request)
        let status = try #require(answered)
        #expect(status.code == fault.code)
        #expect(status.message.contains(fault.field))
    }

    @Test func listsAreByNameAndLeaveOutWhatIsDeleted() throws {
        for name in ["b", "a", "c"] { _ = try self.create { $0.name = name } }
        _ = try self.fixture.call(
            "Delete",
            ByreDeleteRequest.with {
                $0.tenant.name = "b"
                $0.graceSeconds = 60
            },
            as: ByreDeleteResponse.self
        )
        func names(withDeleting: Bool) throws -> [String] {
            let request = ByreListRequest.with { $0.withDeleting = withDeleting }
            let response: ByreListResponse = try self.fixture.call("List", request)
            #expect(response.usage.count == response.tenants.count)
            return response.tenants.map(\.name)
        }
        #expect(try names(withDeleting: false) == ["a", "c", "default"])
        #expect(try names(withDeleting: true) == ["a", "b", "c", "default"])
    }
}
