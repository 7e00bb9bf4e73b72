import ByreAPI
import ByreCore
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// `TenantService/Suspend`: has a tenant refuse every request.
    func suspend(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreSuspendRequest.self) else { return }
        let change = Change(
            reference: request.tenant,
            what: "suspended",
            ifGeneration: Change.expected(request.ifGeneration),
            edit: { definition throws(Status) in
                try Self.checkNotDeleting(definition)
                definition.lifecycle = .suspended
            },
            answer: { tenant, isChanged in
                FramedMessage(
                    ByreSuspendResponse.with {
                        $0.tenant = tenant
                        $0.changed = isChanged
                    }
                )
            }
        )
        self.make(change, call)
    }
}
