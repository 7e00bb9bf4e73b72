import AdminServer
import ByreAPI
import ByreCore
import Controller
import FoundationEssentials
import SwiftProtobuf

/// The admin API of a running server, for the reconciler. Belongs to one thread.
final class RemoteTenantAdmin: TenantAdmin {
    private let server: RemoteServer

    init(_ server: RemoteServer) {
        self.server = server
    }

    private func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ method: String,
        _ request: Request,
        as type: Response.Type = Response.self
    ) throws(AdminFailure) -> Response {
        do throws(CommandFailure) {
            return try self.server.call(TenantCommand.service + method, request, as: type)
        } catch {
            throw AdminFailure(error)
        }
    }

    private static func reference(_ uid: String) -> ByreTenantReference {
        .with { $0.uid = uid }
    }

    func list() throws(AdminFailure) -> [ActualTenant] {
        let response: ByreListResponse = try self.call(
            "List",
            ByreListRequest.with { $0.withDeleting = true }
        )
        return zip(response.tenants, response.usage).map { ActualTenant($0, $1) }
    }

    func tenant(named name: String) throws(AdminFailure) -> ActualTenant? {
        let response: ByreUsageResponse
        do throws(CommandFailure) {
            response = try self.server.call(
                TenantCommand.service + "Usage",
                ByreUsageRequest.with { $0.tenant.name = name }
            )
        } catch {
            if error.status == .notFound { return nil }
            // Of a tenant that is being erased, nobody can tell what it uses.
            if error.status == .conflict { return try self.erasing(name) }
            throw AdminFailure(error)
        }
        return ActualTenant(response.tenant, response.usage)
    }

    private func erasing(_ name: String) throws(AdminFailure) -> ActualTenant? {
        do throws(CommandFailure) {
            let response: ByreGetResponse = try self.server.call(
                TenantCommand.service + "Get",
                ByreGetRequest.with { $0.tenant.name = name }
            )
            return ActualTenant(response.tenant, ByreTenantUsage())
        } catch {
            if error.status == .notFound { return nil }
            throw AdminFailure(error)
        }
    }

    func create(_ tenant: NewTenant) throws(AdminFailure) -> ActualTenant {
        let response: ByreCreateResponse = try self.call(
            "Create",
            ByreCreateRequest.with { request in
                request.name = tenant.name
                request.uid = tenant.uid ?? ""
                request.prefix = Data(tenant.prefix ?? [])
                request.isolation = ByreIsolation(tenant.isolation)
                request.settings = ByreTenantSettings(tenant.settings)
            }
        )
        return ActualTenant(response.tenant, ByreTenantUsage())
    }

    func update(
        _ uid: String,
        to settings: TenantSettings,
        ifGeneration generation: Int64
    ) throws(AdminFailure) -> ActualTenant {
        let response: ByreUpdateResponse = try self.call(
            "Update",
            ByreUpdateRequest.with { request in
                request.tenant = Self.reference(uid)
                request.settings = ByreTenantSettings(settings)
                request.mask.paths = ["limits", "identities", "auto_compaction", "ownership"]
                request.ifGeneration = generation
            }
        )
        return ActualTenant(response.tenant, ByreTenantUsage())
    }

    func suspend(_ uid: String, ifGeneration: Int64) throws(AdminFailure) -> ActualTenant {
        let response: ByreSuspendResponse = try self.call(
            "Suspend",
            ByreSuspendRequest.with {
                $0.tenant = Self.reference(uid)
                $0.ifGeneration = ifGeneration
            }
        )
        return ActualTenant(response.tenant, ByreTenantUsage())
    }

    func resume(_ uid: String, ifGeneration: Int64) throws(AdminFailure) -> ActualTenant {
        let response: ByreResumeResponse = try self.call(
            "Resume",
            ByreResumeRequest.with {
                $0.tenant = Self.reference(uid)
                $0.ifGeneration = ifGeneration
            }
        )
        return ActualTenant(response.tenant, ByreTenantUsage())
    }

    func delete(
        _ uid: String,
        graceSeconds: Int64,
        ifGeneration: Int64
    ) throws(AdminFailure) -> ActualTenant {
        let response: ByreDeleteResponse = try self.call(
            "Delete",
            ByreDeleteRequest.with {
                $0.tenant = Self.reference(uid)
                $0.graceSeconds = graceSeconds
                $0.ifGeneration = ifGeneration
            }
        )
        return ActualTenant(response.tenant, ByreTenantUsage())
    }

    func undelete(_ uid: String, ifGeneration: Int64) throws(AdminFailure) -> ActualTenant {
        let response: ByreUndeleteResponse = try self.call(
            "Undelete",
            ByreUndeleteRequest.with {
                $0.tenant = Self.reference(uid)
                $0.ifGeneration = ifGeneration
            }
        )
        return ActualTenant(response.tenant, ByreTenantUsage())
    }

    func sqlReaders(of uid: String) throws(AdminFailure) -> [ActualSQLReader]? {
        let response: ByreGetSQLReadersResponse = try self.call(
            "GetSQLReaders",
            ByreGetSQLReadersRequest.with { $0.tenant = Self.reference(uid) }
        )
        guard response.possible else { return nil }
        return response.readers.map { reader in
            ActualSQLReader(
                role: reader.role,
                verifierDigest: reader.verifierDigest.isEmpty ? nil : reader.verifierDigest
            )
        }
    }

    func setSQLReaders(
        of uid: String,
        to roles: [String],
        verifiers: [String: String]
    ) throws(AdminFailure) {
        let _: ByreSetSQLReadersResponse = try self.call(
            "SetSQLReaders",
            ByreSetSQLReadersRequest.with { request in
                request.tenant = Self.reference(uid)
                request.roles = roles
                request.passwords = verifiers.sorted { $0.key < $1.key }.map { role, verifier in
                    .with {
                        $0.role = role
                        $0.verifier = verifier
                    }
                }
            }
        )
    }
}

extension AdminFailure {
    init(_ failure: CommandFailure) {
        self =
            switch failure.status {
            case .unreachable: .unreachable(failure.message)
            case .denied: .denied(failure.message)
            case .notFound: .conflict(failure.message)
            case .conflict where failure.isOutdated: .conflict(failure.message)
            case .success, .failure, .usage, .conflict: .refused(failure.message)
            }
    }
}
