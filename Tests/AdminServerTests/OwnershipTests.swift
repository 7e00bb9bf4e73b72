import ByreAPI
import ByreCore
import GRPC
import SwiftProtobuf
import Testing

/// Who looks after a tenant, and changes that expect a generation.
@Suite struct OwnershipTests {
    private static func created(_ admin: AdminFixture) throws -> ByreTenant {
        var request = ByreCreateRequest()
        request.name = "acme"
        request.settings.ownership.owner = "file:/t.yaml"
        request.settings.ownership.source = "acme"
        request.settings.ownership.deletionPolicy = .delete
        request.settings.ownership.deletionGraceSeconds = 60
        let response: ByreCreateResponse = try admin.call("Create", request)
        return response.tenant
    }

    @Test func anOwnerIsKeptShownAndGivenUp() throws {
        let admin = try AdminFixture()
        let tenant = try Self.created(admin)
        #expect(tenant.settings.ownership.owner == "file:/t.yaml")
        #expect(tenant.settings.ownership.deletionPolicy == .delete)
        #expect(tenant.settings.ownership.deletionGraceSeconds == 60)
        // A command that speaks of limits leaves it alone.
        var update = ByreUpdateRequest()
        update.tenant.name = "acme"
        update.settings.limits.keys = 7
        update.mask.paths = ["limits.keys"]
        let limited: ByreUpdateResponse = try admin.call("Update", update)
        #expect(limited.tenant.settings.hasOwnership)
        update.mask.paths = ["ownership"]
        let released: ByreUpdateResponse = try admin.call("Update", update)
        #expect(!released.tenant.settings.hasOwnership)
        update.settings.ownership.source = "nobody's"
        #expect(admin.status("Update", update)?.code == .invalidArgument)
    }

    @Test func aChangeFromAnotherGenerationIsRefused() throws {
        let admin = try AdminFixture()
        let tenant = try Self.created(admin)
        let stale = tenant.generation + 1
        let reference = ByreTenantReference.with { $0.uid = tenant.uid }
        let suspend = ByreSuspendRequest.with {
            $0.tenant = reference
            $0.ifGeneration = stale
        }
        let delete = ByreDeleteRequest.with {
            $0.tenant = reference
            $0.graceSeconds = 60
            $0.ifGeneration = stale
        }
        #expect(admin.status("Suspend", suspend)?.code == .aborted)
        #expect(admin.status("Delete", delete)?.code == .aborted)
        let _: ByreDeleteResponse = try admin.call(
            "Delete",
            ByreDeleteRequest.with {
                $0.tenant = reference
                $0.graceSeconds = 60
                $0.ifGeneration = tenant.generation
            }
        )
    }
}
