import ByreAPI
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// `TenantService/Update`: changes a tenant's settings.
    func update(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreUpdateRequest.self) else { return }
        let mask: SettingsMask
        do throws(Status) {
            mask = try SettingsMask(paths: request.mask.paths)
        } catch {
            call.fail(error)
            return
        }
        let change = Change(
            reference: request.tenant,
            what: "updated",
            ifGeneration: Change.expected(request.ifGeneration),
            edit: { definition throws(Status) in
                try Self.checkNotDeleting(definition)
                let present = definition
                try mask.apply(request.settings, to: &definition)
                try self.checkAdministrators(definition, replacing: present)
            },
            answer: { tenant, isChanged in
                FramedMessage(
                    ByreUpdateResponse.with {
                        $0.tenant = tenant
                        $0.changed = isChanged
                    }
                )
            }
        )
        self.make(change, call)
    }
}
