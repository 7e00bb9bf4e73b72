import ByreAPI
import ByreCore
import Engine
import GRPC
import SwiftProtobuf
import Tenancy
import Testing

/// Tenants that an administrator's certificate would stand for, too.
@Suite struct AdministratorsTests {
    private static let rules = IdentityRules(
        .from([.uriSAN], and: nil),
        asksForCertificates: true,
        administrators: [
            Administrator(name: "alice", identity: TenantIdentity(.commonName, "alice"))
        ]
    )

    private static func update(_ name: String, _ identity: String?) -> ByreUpdateRequest {
        .with { request in
            request.tenant.name = name
            request.mask.paths = ["identities", "limits.keys"]
            request.settings.limits.keys = 7
            request.settings.identities = (identity.map { [$0] } ?? []).map { value in
                .with {
                    $0.kind = .commonName
                    $0.value = value
                }
            }
        }
    }

    @Test func anAdministratorsNameIsNoTenants() throws {
        let admin = try AdminFixture(rules: [Self.rules])
        let refusal = admin.status("Create", ByreCreateRequest.with { $0.name = "alice" })
        #expect(refusal?.code == .alreadyExists)
        #expect(
            refusal?.message
                == "common-name alice belongs to an administrator, whose certificate would stand for "
                + "tenant alice as well: choose another name, or other identities"
        )
        #expect(admin.store.directory[name: "alice"] == nil)
        let _: ByreCreateResponse = try admin.call(
            "Create",
            ByreCreateRequest.with { $0.name = "bob" }
        )
    }

    @Test func anAdministratorsIdentityIsNoTenants() throws {
        let admin = try AdminFixture(rules: [Self.rules])
        let create = ByreCreateRequest.with {
            $0.name = "acme"
            $0.settings = Self.update("acme", "alice").settings
        }
        #expect(admin.status("Create", create)?.code == .alreadyExists)
        let _: ByreCreateResponse = try admin.call(
            "Create",
            ByreCreateRequest.with { $0.name = "acme" }
        )
        #expect(
            admin.status("Update", Self.update("acme", "alice"))?.code == .alreadyExists
        )
        let _: ByreUpdateResponse = try admin.call("Update", Self.update("acme", "bob"))
    }

    /// One that is there from a time before the administrator can still be changed.
    @Test func whatWasThereBeforeIsNotInTheWay() throws {
        let admin = try AdminFixture(
            rules: [
                IdentityRules(
                    .from([.uriSAN], and: nil),
                    asksForCertificates: true,
                    administrators: [
                        Administrator(
                            name: "root",
                            identity: TenantIdentity(.commonName, "default")
                        )
                    ]
                )
            ]
        )
        let answer: ByreUpdateResponse = try admin.call("Update", Self.update("default", nil))
        #expect(answer.tenant.settings.limits.keys == 7)
    }
}
