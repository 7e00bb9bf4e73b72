import ByreAPI
import Glibc
import SwiftProtobuf

// Commands that change a tenant that is there.
extension TenantCommand {
    func update() throws(CommandFailure) {
        let settings = try self.requested(self.settings)
        let server = try self.connect()
        guard !self.settingsPaths.isEmpty else {
            let response = try self.setSQLReaders(server)
            return try self.tell(
                "changed",
                "has these readers already",
                response.changed,
                response.tenant
            )
        }
        let response: ByreUpdateResponse = try server.call(
            Self.service + "Update",
            ByreUpdateRequest.with { request in
                request.tenant = self.reference
                request.settings = settings
                request.mask = Google_Protobuf_FieldMask.with { $0.paths = self.settingsPaths }
                request.ifGeneration = self.options.generation
            }
        )
        var isChanged = response.changed
        if self.changesSQLReaders, try self.setSQLReaders(server).changed { isChanged = true }
        try self.tell("changed", "has these settings already", isChanged, response.tenant)
    }

    /// Whether flags say who reads the tenant with SQL.
    var changesSQLReaders: Bool { !self.options.sqlReaders.isEmpty || self.options.noSQLReaders }

    func setSQLReaders(
        _ server: RemoteServer
    ) throws(CommandFailure) -> ByreSetSQLReadersResponse {
        try server.call(
            Self.service + "SetSQLReaders",
            ByreSetSQLReadersRequest.with { request in
                request.tenant = self.reference
                request.roles = self.options.sqlReaders
            }
        )
    }

    func suspend() throws(CommandFailure) {
        let response: ByreSuspendResponse = try self.connect().call(
            Self.service + "Suspend",
            ByreSuspendRequest.with { $0.tenant = self.reference }
        )
        try self.tell("suspended", "is suspended already", response.changed, response.tenant)
    }

    func resume() throws(CommandFailure) {
        let response: ByreResumeResponse = try self.connect().call(
            Self.service + "Resume",
            ByreResumeRequest.with { $0.tenant = self.reference }
        )
        try self.tell("active again", "is active already", response.changed, response.tenant)
    }

    func undelete() throws(CommandFailure) {
        let response: ByreUndeleteResponse = try self.connect().call(
            Self.service + "Undelete",
            ByreUndeleteRequest.with { $0.tenant = self.reference }
        )
        try self.tell("taken back", "is not deleted", response.changed, response.tenant)
    }

    private func tell(
        _ change: String,
        _ otherwise: String,
        _ isChanged: Bool,
        _ tenant: ByreTenant
    ) throws(CommandFailure) {
        try self.tell(
            "tenant \(tenant.name) \(isChanged ? "is \(change)" : otherwise)",
            TenantJSON.Changed(changed: isChanged, tenant: TenantJSON.Tenant(tenant))
        )
    }

    func delete() throws(CommandFailure) {
        let server = try self.connect()
        let request = ByreDeleteRequest.with { request in
            request.tenant = self.reference
            request.graceSeconds = self.options.now ? 0 : self.options.grace.components.seconds
        }
        let response: ByreDeleteResponse
        do {
            response = try server.call(Self.service + "Delete", request)
        } catch {
            guard error.status == .notFound, self.options.ignoresNotFound else { throw error }
            try self.tell(
                "there is no tenant \(self.name)",
                TenantJSON.Changed(changed: false, tenant: nil)
            )
            return
        }
        if self.options.waits {
            try self.waitUntilErased(response.tenant, server)
            try self.tell(
                "nothing is left of tenant \(response.tenant.name)",
                TenantJSON.Changed(changed: true, tenant: nil)
            )
            return
        }
        let tenant = response.tenant
        let sentence =
            switch tenant.state {
            case .deleting where tenant.hasReclaimAt && self.options.now == false:
                "tenant \(tenant.name) is deleted, and can be taken back until "
                    + TenantText.time(tenant.reclaimAt)
            default: "tenant \(tenant.name) is deleted and being erased"
            }
        try self.tell(
            sentence,
            TenantJSON.Changed(changed: response.changed, tenant: TenantJSON.Tenant(tenant))
        )
    }

    /// How often it is looked whether a tenant is erased, in milliseconds.
    private static let lookMilliseconds: CInt = 100

    private func waitUntilErased(
        _ tenant: ByreTenant,
        _ server: RemoteServer
    ) throws(CommandFailure) {
        var progress = ProgressLine(isWanted: self.options.showsProgress)
        let request = ByreGetRequest.with { $0.tenant.uid = tenant.uid }
        while true {
            do {
                let response: ByreGetResponse = try server.call(Self.service + "Get", request)
                progress.show(Self.describe(response.tenant))
            } catch {
                guard error.status == .notFound else { throw error }
                progress.end("\(tenant.name): erased")
                return
            }
            poll(nil, 0, Self.lookMilliseconds)
        }
    }

    private static func describe(_ tenant: ByreTenant) -> String {
        guard tenant.hasErasure else { return "\(tenant.name): \(TenantText.state(tenant))" }
        let all = max(tenant.erasure.rowsAtStart, 1)
        let done = max(0, all - tenant.erasure.rowsLeft)
        return "\(tenant.name): erasing, \(done * 100 / all)%"
    }
}
