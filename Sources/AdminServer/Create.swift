import ByreAPI
import ByreCore
import Engine
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// `TenantService/Create`: creates a tenant.
    func create(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreCreateRequest.self) else { return }
        do throws(Status) {
            if let tenant = try self.sameTenant(request) {
                call.reply(Self.createResponse(tenant, isNew: false))
                return
            }
            let definition = try self.definition(request)
            try self.checkAdministrators(definition)
            self.submit(definition, request, call)
        } catch {
            call.fail(error)
        }
    }

    private static func createResponse(_ tenant: TenantStore, isNew: Bool) -> FramedMessage {
        FramedMessage(
            ByreCreateResponse.with {
                $0.tenant = ByreTenant(tenant)
                $0.created = isNew
            }
        )
    }

    private func submit(
        _ definition: TenantDefinition,
        _ request: ByreCreateRequest,
        _ call: ServerCall
    ) {
        let bound = LoopBound(call, loop: call.loop)
        let reply = ChangeReply(on: call.loop) { result in
            let call = bound.value
            switch result {
            case .success(let tenant):
                self.log("created", tenant.definition, call)
                call.reply(Self.createResponse(tenant, isNew: true))
            case .failure(let error):
                // Somebody else may have asked for the same at the same time.
                do throws(Status) {
                    guard case .nameTaken = error, let tenant = try self.sameTenant(request) else {
                        throw Status(error)
                    }
                    call.reply(Self.createResponse(tenant, isNew: false))
                } catch {
                    call.fail(error)
                }
            }
        }
        do throws(TenantChangeError) {
            try self.store.submit(.create(definition), reply: reply)
        } catch {
            call.fail(Status(error))
        }
    }

    /// The definition that a request asks for.
    /// - Throws: `INVALID_ARGUMENT`, naming the field.
    func definition(_ request: ByreCreateRequest) throws(Status) -> TenantDefinition {
        guard TenantDefinition.isValidName(request.name) else {
            throw Status(
                .invalidArgument,
                "name: \"\(request.name.prefix(63))\" is not a DNS label: 1 to 63 of a-z, 0-9 and "
                    + "-, no - at either end"
            )
        }
        var generator = SystemRandomNumberGenerator()
        var definition = TenantDefinition(
            name: request.name,
            uid: request.uid.isEmpty
                ? TenantDefinition.randomUID(using: &generator) : request.uid,
            prefix: request.prefix.isEmpty
                ? TenantDefinition.defaultPrefix(of: request.name) : Bytes(request.prefix),
            createdAt: self.wallClock.seconds()
        )
        switch request.isolation {
        case .unspecified, .shared: break
        case .dedicated: definition.isolation = .dedicated
        case .UNRECOGNIZED(let number):
            throw Status(.invalidArgument, "isolation: \(number) is not one that is known")
        }
        try SettingsMask.all.apply(request.settings, to: &definition)
        do throws(DefinitionFault) {
            try definition.check()
        } catch {
            throw Status(.invalidArgument, error.description)
        }
        return definition
    }

    /// The tenant that a request has created before; nil when there is none of the name.
    /// - Throws: `ALREADY_EXISTS` when it is not what the request asks for.
    func sameTenant(_ request: ByreCreateRequest) throws(Status) -> TenantStore? {
        guard let tenant = self.store.directory[name: request.name] else { return nil }
        let present = tenant.definition
        guard present.lifecycle != .deleting else {
            throw Status(.nameTaken(isDeleting: true))
        }
        let wanted = try self.definition(request)
        var differences: [String] = []
        if !request.uid.isEmpty, wanted.uid != present.uid { differences.append("uid") }
        if wanted.prefix != present.prefix { differences.append("prefix") }
        if wanted.isolation != present.isolation { differences.append("isolation") }
        if wanted.limits != present.limits { differences.append("limits") }
        if wanted.identities != present.identities { differences.append("identities") }
        if wanted.autoCompaction != present.autoCompaction { differences.append("auto_compaction") }
        if wanted.ownership != present.ownership { differences.append("ownership") }
        guard differences.isEmpty else {
            throw Status(
                .alreadyExists,
                "tenant \(request.name) is there with other settings: "
                    + differences.joined(separator: ", ")
            )
        }
        return tenant
    }
}
