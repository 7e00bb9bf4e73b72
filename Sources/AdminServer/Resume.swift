import ByreAPI
import ByreCore
import GRPC
import SwiftProtobuf

extension AdminServer {
    /// `TenantService/Resume`: ends a suspension.
    func resume(_ message: RawSpan, _ call: ServerCall) {
        guard let request = self.decode(message, call, as: ByreResumeRequest.self) else { return }
        let change = Change(
            reference: request.tenant,
            what: "resumed",
            ifGeneration: Change.expected(request.ifGeneration),
            edit: { definition throws(Status) in
                try Self.checkNotDeleting(definition)
                definition.lifecycle = .active
            },
            answer: { tenant, isChanged in
                FramedMessage(
                    ByreResumeResponse.with {
                        $0.tenant = tenant
                        $0.changed = isChanged
                    }
                )
            }
        )
        self.make(change, call)
    }
}
