import ByreAPI
import ByreCore
import Engine
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
    /// Of two programs that look after a tenant one is first; the other is to look again, not to fail.
    @Test(arguments: [60, 0] as [Int64])
    func aChangeFromBeforeADeletionIsOutdated(graceSeconds: Int64) throws {
        let admin = try AdminFixture()
        let tenant = try Self.created(admin)
        let reference = ByreTenantReference.with { $0.uid = tenant.uid }
        // A reader keeps it from being erased whole.
        let reader = try #require(admin.store.tenant(named: "acme")).pinnedSnapshot()
        let delete = ByreDeleteRequest.with {
            $0.tenant = reference
            $0.graceSeconds = graceSeconds
            $0.ifGeneration = tenant.generation
        }
        let deleted: ByreDeleteResponse = try admin.call("Delete", delete)
        #expect(deleted.changed)
        if graceSeconds == 0 {
            while admin.store.erasing.isEmpty {
                let request = ByreGetRequest.with { $0.tenant = reference }
                let _: ByreGetResponse = try admin.call("Get", request)
            }
        }
        var update = ByreUpdateRequest()
        update.tenant = reference
        update.settings.limits.keys = 7
        update.mask.paths = ["limits.keys"]
        #expect(admin.status("Update", update)?.code == .failedPrecondition)
        update.ifGeneration = tenant.generation
        #expect(admin.status("Update", update)?.code == .aborted)
        let again: ByreDeleteResponse = try admin.call("Delete", delete)
        #expect(!again.changed)
        withExtendedLifetime(reader) {}
    }
}
